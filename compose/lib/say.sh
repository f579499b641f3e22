# shellcheck shell=bash
# What is said to people, in the name of the program, NAME. All of it goes to standard error: standard output belongs to answers (env, status).

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$NAME: $*"
    exit 1
}

wrong() {
    say "$NAME: $*; see compose/$NAME --help"
    exit 2
}

# The end of a log, for whoever has to find out why.
show_tail() {
    local log="$1"
    say "the end of $log:"
    if [ -s "$log" ]; then
        tail -n 20 "$log" | sed 's/^/    /' >&2
    else
        say "    (empty)"
    fi
}

# Runs a command that takes its time: its output goes to a log, its newest line to the terminal if there is one.
logged() {
    local label="$1" log="$2" began=$SECONDS
    shift 2
    say "$label …"
    if "$@" </dev/null 2>&1 | tee "$log" | newest_line; then
        say "$label: done, $((SECONDS - began)) s"
        return 0
    fi
    show_tail "$log"
    return 1
}

newest_line() {
    if [ ! -t 2 ]; then
        cat >/dev/null
        return
    fi
    local line columns="${COLUMNS:-80}"
    while IFS= read -r line; do
        printf '\r\033[K    %s' "${line:0:columns-6}" >&2
    done
    printf '\r\033[K' >&2
}
