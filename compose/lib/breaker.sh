# shellcheck shell=bash
# The breaker kafka-publisher, as the engine's operator API shows it.

# get URL: the body, within a few seconds; fails on anything but success.
get() {
    curl --silent --show-error --fail --max-time 5 "$1"
}

breaker_view() {
    get "$operator/circuit-breaker/kafka-publisher"
}

breaker_state() {
    breaker_view | sed -n 's/.*"state":"\([A-Z_]*\)".*/\1/p'
}

# How many committed events are not published yet.
outbox_pending() {
    get "$operator/metrics" | sed -n 's/^outbox_pending \([0-9]*\).*/\1/p'
}

# The breaker's changes so far, one `NUMBER FROM TO` a line. The engine keeps the latest, because some states are over
# before anybody can look.
changes_now() {
    breaker_view | grep -o '"number":[0-9]*,"from":"[A-Z_]*","to":"[A-Z_]*"' |
        sed 's/"number":\([0-9]*\),"from":"\([A-Z_]*\)","to":"\([A-Z_]*\)"/\1 \2 \3/' || true
}

# begin_record STATE: the states from now on are in changes, this one first.
begin_record() {
    changes=("$1")
    local number
    while read -r number _; do
        known_number="$number"
    done < <(echo 0 && changes_now)
}

# Takes up what is new.
update_record() {
    local number to
    while read -r number _ to; do
        if ((number > known_number)); then
            changes+=("$to")
            known_number="$number"
        fi
    done < <(changes_now)
}
