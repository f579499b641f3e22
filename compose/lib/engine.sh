# shellcheck shell=bash
# The engine and the payment-gateway simulator, built from this tree.

# Sets engine_program: cargo knows best where it puts what it builds.
build_engine() {
    local messages
    messages="$(cd "$ROOT" && cargo build --release --bin payment-engine --message-format=json-render-diagnostics)" ||
        die "the engine cannot be built"
    engine_program="$(sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' <<<"$messages" | tail -n 1)"
}

start_simulator() {
    mkdir -p "$PLACE/pg-simulator"
    choose_port pg-simulator 8090
    rm -f "$PLACE/pg-simulator/ready.json"
    start_part pg-simulator "$engine_program" pg-simulator --listen "127.0.0.1:$(port_of pg-simulator)" \
        --data-dir "$PLACE/pg-simulator" --ready-file "$PLACE/pg-simulator/ready.json"
    wait_until_ready pg-simulator 60 test -s "$PLACE/pg-simulator/ready.json"
}

# In the foreground, until it ends or is asked to: the first INT or TERM drains it, the second ends it at once.
run_engine() {
    local code=0
    mkdir -p "$PLACE/engine"
    start_process engine "$engine_program" --data-dir "$PLACE/engine/data" \
        --pg-url "http://127.0.0.1:$(port_of pg-simulator)" "$@"
    attend "$!" "$!" || code=$?
    rm -f "$PLACE/engine/process"
    return "$code"
}
