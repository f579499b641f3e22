# shellcheck shell=bash
# Processes that outlive this script, and how to know them again: by process id, start time and boot, which together
# no other process has. A process id alone may belong to anybody by the time it is read.

# PID's state and start time (fields 3 and 22 of its stat; the name before them may hold blanks and brackets).
process_stat() {
    local stat fields
    { stat="$(<"/proc/$1/stat")"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    printf '%s %s\n' "${fields[0]}" "${fields[19]}"
}

# What start_process records about a process, and nothing when it has ended.
identity() {
    local stat boot
    stat="$(process_stat "$1")" || return 1
    [ "${stat% *}" != Z ] || return 1
    boot="$(</proc/sys/kernel/random/boot_id)"
    printf '%s %s %s\n' "$1" "${stat#* }" "$boot"
}

# The process id of a part that runs and is ours; fails when there is none.
pid_of() {
    local record pid
    record="$(content_of "$PLACE/$1/process")"
    pid="${record%% *}"
    [ -n "$pid" ] && [ "$(identity "$pid")" = "$record" ] && printf '%s\n' "$pid"
}

# From here on a signal ends this script in order, what it has set to be done at its exit included. Without a trap of
# its own, bash takes no notice of an INT that reaches it and not the command that it waits for.
end_on_signals() {
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}

# Until end_on_signals, a signal is noted in signalled. Not ignored: what is started would ignore it for ever.
note_signals() {
    signalled=0
    trap 'signalled=130' INT
    trap 'signalled=143' TERM
    trap 'signalled=129' HUP
}

# start_process PART COMMAND…: runs it in a session of its own, so that the terminal's Ctrl-C does not reach it. It
# records itself before it becomes the program: whatever happens to this script, what runs is known. Its id is in $!.
start_process() {
    local part="$1"
    shift
    # Whoever ends this script must find the record of what it started.
    note_signals
    rm -f "$PLACE/$part/process"
    (
        exec 9>&- 8<&-
        own_pid="$BASHPID" # which is another one inside a pipeline
        identity "$own_pid" | write_whole "$PLACE/$part/process"
        exec setsid "$@"
    ) &
    while [ ! -s "$PLACE/$part/process" ] && identity "$!" >/dev/null; do
        sleep 0.02
    done
    end_on_signals
    [ "$signalled" -eq 0 ] || exit "$signalled"
}

# The same in the background, in its folder, with its output in the log there.
start_part() {
    say "$1: starting"
    cd "$PLACE/$1" || return
    start_process "$@" </dev/null >"$PLACE/$1/log" 2>&1
    cd "$OLDPWD" || return
}

# wait_until_ready PART SECONDS PROBE…: polls the probe until it succeeds; the part's death ends the wait.
wait_until_ready() {
    local part="$1" limit="$2" began=$SECONDS
    shift 2
    # The process first: if it ended, whatever answers on its port is not it.
    while pid_of "$part" >/dev/null; do
        ! "$@" >/dev/null 2>&1 || return 0
        if ((SECONDS - began >= limit)); then
            show_tail "$PLACE/$part/log"
            die "$part (process $(pid_of "$part")) does not answer after $limit s; try compose/native down, then up"
        fi
        sleep 0.1
    done
    show_tail "$PLACE/$part/log"
    die "$part ended while it was starting; its log says why"
}

# Whether a process was stopped by a signal and waits to be woken.
is_frozen() {
    local stat
    stat="$(process_stat "$1")" && [ "${stat% *}" = T ]
}

# stop_process PART SECONDS [and-its-group]: asks it to end, and insists after a while. CONT wakes a process that was
# frozen, which would otherwise never see that it was asked.
stop_process() {
    local part="$1" limit="$2" group="${3:+-}" began=$SECONDS asked=$SECONDS pid
    if pid="$(pid_of "$part")"; then
        kill -TERM -- "$group$pid" 2>/dev/null || true
        kill -CONT -- "$group$pid" 2>/dev/null || true
        while pid_of "$part" >/dev/null; do
            if ((SECONDS - began >= limit)); then
                say "$part (process $pid) did not end within $limit s and is killed"
                kill -KILL -- "$group$pid" 2>/dev/null || true
                limit=$((limit + 10))
            elif [ "$part" = mariadb ] && ((SECONDS > asked)); then
                # While it starts, MariaDB loses what it is asked.
                asked=$SECONDS
                kill -TERM "$pid" 2>/dev/null || true
            fi
            sleep 0.05
        done
        say "$part: ended"
    fi
    rm -f "$PLACE/$part/process"
}

# attend PART TARGET PID: waits for a process and returns its exit code. TARGET is what INT and TERM are passed on to:
# its process id, or, with a dash before it, its whole group.
attend() {
    local target="$1" pid="$2" code
    trap 'kill -TERM -- "$target" 2>/dev/null || true' INT TERM HUP
    while true; do
        code=0
        wait "$pid" || code=$?
        # A wait that a signal interrupted says nothing about the process.
        identity "$pid" >/dev/null || break
    done
    end_on_signals
    return "$code"
}
