# shellcheck shell=bash
# What can be asked of compose/native, one function each.

# In the order of starting. They start side by side and end one after the other, in the opposite order.
readonly PARTS=(mariadb redis kafka)

command_up() {
    local began=$SECONDS
    lock_place
    install_missing need_parts
    local part
    for part in "${PARTS[@]}"; do
        pid_of "$part" >/dev/null || "start_$part"
    done
    for part in "${PARTS[@]}"; do
        wait_until_ready "$part" 120 "${part}_answers"
    done
    unlock_place
    say ""
    status_text >&2
    say "ready after $((SECONDS - began)) s; eval \"\$(compose/native env)\" makes payment-engine use them"
}

command_down() {
    lock_place
    stop_process engine 60
    stop_process pg-simulator 20
    stop_process kafka 30
    stop_process redis 20
    stop_process mariadb 60
    unlock_place
}

command_env() {
    local part
    for part in "${PARTS[@]}"; do
        pid_of "$part" >/dev/null || die "$part does not run; start it with compose/native up"
    done
    local variable
    for variable in $(environment); do
        printf 'export %s\n' "$variable"
    done
}

# One NAME=VALUE a line; no value needs quotes.
environment() {
    printf '%s\n' "PAYMENT_DB_HOST=127.0.0.1" "PAYMENT_DB_PORT=$(port_of mariadb)" "PAYMENT_DB_NAME=$DATABASE" \
        "PAYMENT_DB_USER=$ACCOUNT" "PAYMENT_DB_PASSWORD=$(password)" \
        "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:$(port_of kafka)" "REDIS_HOST=127.0.0.1" "REDIS_PORT=$(port_of redis)"
}

command_status() {
    if [ "${1:-}" = --json ]; then
        status_json
    else
        status_text
    fi
}

status_text() {
    local part pid
    printf '%-14s %-18s %s\n' part address pid
    for part in "${PARTS[@]}"; do
        if pid="$(pid_of "$part")"; then
            printf '%-14s %-18s %s\n' "$part" "127.0.0.1:$(port_of "$part")" "$pid"
        else
            printf '%-14s %s\n' "$part" "does not run"
        fi
    done
    # Only `run` starts these; where the engine listens is in its own output.
    if pid="$(pid_of pg-simulator)"; then
        printf '%-14s %-18s %s\n' pg-simulator "127.0.0.1:$(port_of pg-simulator)" "$pid"
    fi
    if pid="$(pid_of engine)"; then
        printf '%-14s %-18s %s\n' engine "" "$pid"
    fi
    printf 'logs: %s\n' "$PLACE/PART/log"
}

status_json() {
    local part pid separator='{'
    for part in "${PARTS[@]}"; do
        if pid="$(pid_of "$part")"; then
            printf '%s"%s": {"pid": %s, "address": "127.0.0.1:%s"}' "$separator" "$part" "$pid" "$(port_of "$part")"
        else
            printf '%s"%s": null' "$separator" "$part"
        fi
        separator=', '
    done
    printf '}\n'
}

command_run() {
    refuse_while_an_engine_runs run
    install_missing need_compiler
    build_engine
    command_up
    start_simulator
    export_environment
    local code=0
    run_engine "$@" || code=$?
    stop_process pg-simulator 20
    ! pid_of mariadb >/dev/null || say "MariaDB, Redis and Kafka go on; compose/native down ends them"
    exit "$code"
}

# Ends the parts whatever happens, interruptions included.
command_test() {
    refuse_while_an_engine_runs test
    install_missing need_compiler
    trap 'command_down' EXIT
    command_up
    export_environment
    local code=0
    if [ $# -gt 0 ]; then
        cargo_test "$@" || code=$?
    else
        # Documentation's examples apart: those marked as ignored are not tests that were left out.
        cargo_test --workspace --lib --bins --tests || code=$?
        [ "$code" -ne 0 ] || attended cargo test --workspace --doc || code=$?
    fi
    exit "$code"
}

# Tests that need the real parts are marked as ignored, so that `cargo test` alone lists them as left out.
cargo_test() {
    local argument
    for argument in "$@"; do
        if [ "$argument" = -- ]; then
            attended cargo test "$@" --include-ignored
            return
        fi
    done
    attended cargo test "$@" -- --include-ignored
}

# Runs a command in the tree and waits for it; when interrupted, so is everything it started.
attended() {
    (
        cd "$ROOT" || exit
        exec setsid "$@"
    ) &
    attend "-$!" "$!"
}

refuse_while_an_engine_runs() {
    local pid
    if pid="$(pid_of engine)"; then
        die "an engine started by compose/native run (process $pid) uses the parts; end it, or compose/native down, before $1"
    fi
}

export_environment() {
    local variable
    for variable in $(environment); do
        export "${variable?}"
    done
}
