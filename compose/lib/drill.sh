# shellcheck shell=bash
# The nine steps of the drill, and what has to be there before and put back after.

# How long Kafka may take to end in order, in seconds.
readonly STOPPING=15

# Whether the parts and the engine were started here, and Kafka was stopped here.
started_parts='' started_engine='' stopped_kafka=''

find_or_start_engine() {
    install_missing need_curl
    if [ -n "$public" ]; then
        return
    fi
    if ! pid_of engine >/dev/null; then
        start_engine
    fi
    local ready
    ready="$(content_of "$PLACE/engine/ready.json")"
    public="http://$(field public <<<"$ready")"
    operator="http://$(field operator <<<"$ready")"
}

need_curl() {
    has curl || need curl "to talk to the engine"
}

# The value of a field in a flat JSON object.
field() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"
}

# Whatever `run` needs is installed and built before, so that what is waited for is the start alone.
start_engine() {
    local part
    for part in mariadb redis kafka; do
        pid_of "$part" >/dev/null || started_parts=yes
    done
    find_engine
    say "engine: starting; its log is $PLACE/drill/engine.log"
    mkdir -p "$PLACE/drill"
    "$HERE/native" up 2>"$PLACE/drill/native.log" || {
        show_tail "$PLACE/drill/native.log"
        die "the parts do not start"
    }
    PAYMENT_NATIVE_ENGINE="$engine_program" setsid "$HERE/native" run </dev/null >"$PLACE/drill/engine.log" 2>&1 &
    started_engine=$!
    within 90 engine_is_ready || {
        show_tail "$PLACE/drill/engine.log"
        die "the engine is not ready after 90 s"
    }
}

engine_is_ready() {
    identity "$started_engine" >/dev/null || die "the engine ended while it was starting: $PLACE/drill/engine.log"
    [ -s "$PLACE/engine/ready.json" ]
}

# Leaves things as they were found.
put_back() {
    stop_process drill 10 and-its-group
    if [ -n "$stopped_kafka" ]; then
        "$HERE/native" start kafka || say "start Kafka again with compose/native start kafka"
    fi
    if [ -n "$started_engine" ]; then
        kill -TERM "$started_engine" 2>/dev/null || true
        within 90 has_ended "$started_engine" || say "the engine does not end; compose/native down ends it"
    fi
    [ -z "$started_parts" ] || "$HERE/native" down
}

has_ended() {
    ! identity "$1" >/dev/null
}

# within SECONDS COMMAND…: polls it until it succeeds.
within() {
    local limit="$1" began=$SECONDS
    shift
    until "$@"; do
        ((SECONDS - began < limit)) || return 1
        sleep 0.1
    done
}

# Each step is told by its number once it was seen; the first that is missing ends the drill.
step() {
    steps=$((steps + 1))
    printf '[%d/9] %4d s  %s\n' "$steps" "$((SECONDS - drill_began))" "$*"
}

missing() {
    show_tail_of_engine
    say "step $((steps + 1)) of 9 is missing: $*"
    exit 1
}

show_tail_of_engine() {
    [ -z "$started_engine" ] || show_tail "$PLACE/drill/engine.log"
}

run_drill() {
    steps=0 drill_began=$SECONDS
    before_the_outage
    during_the_outage
    after_the_outage
    say "the circuit breaker did what it is for"
}

before_the_outage() {
    pid_of kafka >/dev/null || missing "Kafka does not run; start it with compose/native up"
    get "$public/health/ready" >/dev/null || missing "the engine at $public is not ready"
    step "healthy: the engine at $public is ready"
    local state
    state="$(breaker_state)" || state=''
    begin_record "$state"
    [ "$state" = CLOSED ] || missing "the breaker is ${state:-not to be seen} before the outage, not CLOSED"
    step "before: the breaker kafka-publisher is CLOSED, $(outbox_pending) events wait"
    authorize_five || missing "$answered of 5 authorizations were answered: $statuses"
    within 30 is_published || missing "$(outbox_pending) events are not published after 30 s, with Kafka running"
    step "five normal authorizations: answered $statuses and published"
}

during_the_outage() {
    local began opened='' state=''
    # From before Kafka ends until it is back.
    start_load "$((outage + STOPPING + 15))"
    stopped_kafka=yes
    stop_kafka
    began=$SECONDS
    step "Kafka is stopped, under $rate authorizations per second"
    authorize_five || missing "$answered of 5 authorizations were answered: $statuses"
    while ((SECONDS - began < outage)); do
        update_record
        state="${changes[-1]}"
        if [ -z "$opened" ] && [ "$state" = OPEN ]; then
            opened=$((SECONDS - began))
        fi
        progress "$((SECONDS - began)) of $outage s without Kafka, the breaker is $state, $(outbox_pending) events wait"
        sleep 0.2
    done
    progress ""
    step "authorizations during the outage: answered $statuses, and the load goes on"
    [ -n "$opened" ] || missing "the breaker did not open within $outage s"
    step "OPEN was seen, $opened s after Kafka had stopped; $(outbox_pending) events wait"
}

after_the_outage() {
    "$HERE/native" start kafka 2>>"$PLACE/drill/native.log" || missing "Kafka does not start again"
    stopped_kafka=''
    step "Kafka is started again"
    within 120 is_closed_again || missing "the breaker did not close within 120 s: ${changes[*]}"
    went_as_expected || missing "the breaker went ${changes[*]}"
    step "HALF_OPEN, then CLOSED was seen: ${changes[*]}"
    end_load "$((outage + STOPPING + 60))" || missing "not every authorization was answered: $load_told"
    within 120 is_published || missing "$(outbox_pending) events still wait after 120 s"
    found_sound || missing "payment-engine check finds fault: $PLACE/drill/check.log"
    step "the backlog is published: $load_told; $check_told"
}

# In order, or at once when that takes long: connected clients can hold it up.
stop_kafka() {
    local pid stopping
    pid="$(pid_of kafka)" || missing "Kafka ended by itself"
    "$HERE/native" stop kafka 2>>"$PLACE/drill/native.log" &
    stopping=$!
    within "$STOPPING" has_ended "$pid" || kill -KILL "$pid"
    wait "$stopping" || missing "Kafka cannot be stopped"
}

# One line that is written over, where there is a terminal.
progress() {
    [ ! -t 2 ] || printf '\r\033[K%s' "${1:+    $1}" >&2
}

# Sets statuses and answered. A decline is an answer.
authorize_five() {
    local number status
    statuses='' answered=0
    for number in 1 2 3 4 5; do
        status="$(curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' \
            "$public/api/payments/authorize" -H 'Content-Type: application/json' \
            -d "{\"merchantId\":\"drill\",\"amount\":1000,\"currency\":\"USD\",\"idempotencyKey\":\"drill-$$-$RANDOM-$number\"}")" || true
        statuses+="${statuses:+ }$status"
        [[ ! "$status" =~ ^(200|402)$ ]] || answered=$((answered + 1))
    done
    [ "$answered" -eq 5 ]
}

is_published() {
    [ "$(outbox_pending)" = 0 ]
}

is_closed_again() {
    update_record
    [ "${changes[-1]}" = CLOSED ]
}

went_as_expected() {
    local failed_probes='*'
    [ "$outage" -lt 60 ] || failed_probes='+'
    [[ "${changes[*]}" =~ ^CLOSED\ OPEN(\ HALF_OPEN\ OPEN)${failed_probes}\ HALF_OPEN\ CLOSED$ ]]
}

# Where the engine is the one that compose/native started, its own judge has the last word on whether anything is
# missing, doubled or out of order. Sets check_told.
found_sound() {
    local pid
    if ! pid="$(pid_of engine)"; then
        check_told="payment-engine check was not asked, because this engine's settings are not known here"
        return
    fi
    check_told="payment-engine check finds no fault"
    (
        eval "$("$HERE/native" env)"
        timeout 300 "/proc/$pid/exe" check --pg-url "http://127.0.0.1:$(port_of pg-simulator)"
    ) </dev/null >"$PLACE/drill/check.log" 2>&1
}
