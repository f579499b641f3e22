# shellcheck shell=bash
# The engine and the payment-gateway simulator, built from this tree.

# Sets engine_program: the one that was named, or one built from this tree.
find_engine() {
    engine_program="${PAYMENT_NATIVE_ENGINE:-}"
    if [ -z "$engine_program" ]; then
        install_missing need_compiler
        build_engine
    elif [ ! -x "$engine_program" ]; then
        die "PAYMENT_NATIVE_ENGINE is $engine_program, which is no program"
    else
        engine_program="$(realpath "$engine_program")"
    fi
}

# Cargo knows best where it puts what it builds.
build_engine() {
    local messages
    messages="$(cd "$ROOT" && cargo build --release --bin payment-engine --message-format=json-render-diagnostics)" ||
        die "the engine cannot be built"
    engine_program="$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' <<<"$messages" | tail -n 1)"
}

start_simulator() {
    mkdir -p "$PLACE/pg-simulator"
    lock_ports
    choose_port pg-simulator 8090
    rm -f "$PLACE/pg-simulator/ready.json"
    start_part pg-simulator "$engine_program" pg-simulator --listen "127.0.0.1:$(port_of pg-simulator)" \
        --data-dir "$PLACE/pg-simulator" --ready-file "$PLACE/pg-simulator/ready.json"
    wait_until_ready pg-simulator 60 test -s "$PLACE/pg-simulator/ready.json"
    unlock_ports
}

# In the foreground, until it ends or is asked to: the first INT or TERM drains it, the second ends it at once.
run_engine() {
    local code=0 flags=()
    mkdir -p "$PLACE/engine"
    rm -f "$PLACE/engine/ready.json"
    add_flag --data-dir "$PLACE/engine/data" "$@"
    add_flag --pg-url "http://127.0.0.1:$(port_of pg-simulator)" "$@"
    add_flag --ready-file "$PLACE/engine/ready.json" "$@"
    avoid_taken --listen PAYMENT__HTTP__LISTEN 8080 "$@"
    avoid_taken --operator-listen PAYMENT__OPERATOR__LISTEN 8082 "$@"
    start_process engine "$engine_program" "${flags[@]}" "$@"
    attend "$!" "$!" || code=$?
    rm -f "$PLACE/engine/process" "$PLACE/engine/ready.json"
    return "$code"
}

# add_flag FLAG VALUE ARGUMENTS…: adds it to flags, unless the arguments have their own.
add_flag() {
    local flag="$1" value="$2" argument
    shift 2
    for argument in "$@"; do
        case "$argument" in
        "$flag" | "$flag"=*) return ;;
        esac
    done
    flags+=("$flag" "$value")
}

# avoid_taken FLAG VARIABLE PORT ARGUMENTS…: another port when somebody has the engine's usual one, unless the caller
# said where to listen.
avoid_taken() {
    local flag="$1" variable="$2" port="$3" other
    shift 3
    if [ -z "${!variable:-}" ] && is_taken "$port"; then
        other="$(next_free "$((port + 1000))")" || return 0
        say "engine: port $port is taken, so $flag is 127.0.0.1:$other unless you say otherwise"
        add_flag "$flag" "127.0.0.1:$other" "$@"
    fi
}

# Where the payments API of the engine is that `run` started, once it is ready.
engine_address() {
    content_of "$PLACE/engine/ready.json" | sed -n 's/.*"public": *"\([^"]*\)".*/\1/p'
}
