# shellcheck shell=bash
# What can be asked of compose/native, one function each.

command_up() {
    local began=$SECONDS
    lock_place
    install_missing need_parts
    start_parts "${PARTS[@]}"
    unlock_place
    say ""
    status_text >&2
    say "ready after $((SECONDS - began)) s; eval \"\$(compose/native env)\" makes payment-engine use them"
}

command_down() {
    lock_place
    stop_process tests 30 and-its-group
    stop_process engine 60
    stop_process pg-simulator 20
    local part
    for part in kafka redis mariadb; do
        stop_process "$part" 60
    done
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
    local part
    printf '%-14s %-18s %s\n' part address pid
    for part in "${PARTS[@]}"; do
        status_line "$part" "127.0.0.1:$(port_of "$part")" || printf '%-14s %s\n' "$part" "does not run"
    done
    # Only `run` starts these.
    status_line pg-simulator "127.0.0.1:$(port_of pg-simulator)" || true
    status_line engine "$(engine_address)" || true
    printf 'logs: %s\n' "$PLACE/PART/log"
}

# status_line PART ADDRESS: fails when the part does not run.
status_line() {
    local pid frozen=''
    pid="$(pid_of "$1")" || return 1
    ! is_frozen "$pid" || frozen=', frozen'
    printf '%-14s %-18s %s%s\n' "$1" "$2" "$pid" "$frozen"
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
    refuse_while_in_use run
    find_engine
    command_up
    export_environment
    trap 'trap "" INT TERM HUP; stop_process pg-simulator 20' EXIT
    start_simulator
    local code=0
    run_engine "$@" || code=$?
    ! pid_of mariadb >/dev/null || say "MariaDB, Redis and Kafka go on; compose/native down ends them"
    exit "$code"
}

# Ends the parts whatever happens, interruptions included.
command_test() {
    refuse_while_in_use test
    install_missing need_compiler
    trap 'trap "" INT TERM HUP; command_down' EXIT
    command_up
    export_environment
    local code=0
    run_tests "$@" || code=$?
    exit "$code"
}

refuse_while_in_use() {
    local user pid
    for user in engine tests; do
        if pid="$(pid_of "$user")"; then
            die "$user (process $pid) started by another compose/native use the parts in $PLACE; end that, or compose/native down, before $1"
        fi
    done
}

export_environment() {
    local variable
    for variable in $(environment); do
        export "${variable?}"
    done
}
