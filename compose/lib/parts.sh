# shellcheck shell=bash
# The parts together, and one of them at a time for drills.

# In the order of starting. They start side by side and end one after the other, in the opposite order.
readonly PARTS=(mariadb redis kafka)

is_part() {
    [[ " ${PARTS[*]} " == *" $1 "* ]]
}

# Starts those that do not run, and waits until all answer.
start_parts() {
    local part pid starting=()
    for part in "$@"; do
        if ! pid="$(pid_of "$part")"; then
            starting+=("$part")
        elif is_frozen "$pid"; then
            command_thaw "$part"
        fi
    done
    for part in "${starting[@]}"; do
        "prepare_$part"
    done
    # Held until they listen: another set that starts now must see which ports are taken.
    lock_ports
    for part in "${starting[@]}"; do
        "start_$part"
    done
    for part in "$@"; do
        wait_until_ready "$part" 120 "${part}_answers"
    done
    unlock_ports
}

command_start() {
    local part="$1" port
    ! pid_of "$part" >/dev/null || die "$part runs already"
    port="$(port_of "$part")"
    [ -n "$port" ] || die "$part has never run here; start everything with compose/native up"
    lock_place
    # Whoever was connected to it looks for it where it was.
    export "PAYMENT_NATIVE_${part^^}_PORT=$port"
    start_parts "$part"
    unlock_place
    say "$part: answers on 127.0.0.1:$port again"
}

command_stop() {
    running "$1" >/dev/null
    lock_place
    stop_process "$1" 60
    unlock_place
}

command_kill() {
    local pid
    pid="$(running "$1")"
    lock_place
    kill -KILL "$pid"
    stop_process "$1" 60
    say "$1: killed"
    unlock_place
}

command_freeze() {
    local pid
    pid="$(running "$1")"
    kill -STOP "$pid"
    say "$1: frozen until compose/native thaw $1"
}

command_thaw() {
    local pid
    pid="$(running "$1")"
    kill -CONT "$pid"
    say "$1: goes on"
}

# The process id of a part that has to run for what was asked.
running() {
    pid_of "$1" || die "$1 does not run; start it with compose/native start $1, or everything with compose/native up"
}
