# shellcheck shell=bash
# Which ports are taken, and which to take. Read from the kernel's tables: a bare machine has neither ss nor lsof.

# Whether anybody on this machine listens on a port, on whichever address.
is_taken() {
    local hex
    hex="$(printf '%04X' "$1")"
    grep -qs "^ *[0-9]*: [0-9A-F]*:$hex [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6
}

# choose_port PART FIRST [WANTED]: the port to start a part on, recorded in PART/port. The one it had before is its
# first choice, so that addresses stay what they were; a wanted one is its only choice.
choose_port() {
    local part="$1" first="$2" wanted="${3:-}" port
    mkdir -p "$PLACE/$part"
    if [ -n "$wanted" ]; then
        if [[ ! "$wanted" =~ ^[1-9][0-9]{0,4}$ ]] || ((wanted > 65535)); then
            die "$wanted is no port for $part; choose one from 1 to 65535"
        fi
        ! is_taken "$wanted" || die "port $wanted, asked for $part, is taken; choose another, or none to have one found"
        port="$wanted"
    else
        port="$(content_of "$PLACE/$part/port")"
        port="${port:-$first}"
        if is_taken "$port"; then
            port="$(next_free "$first")" || die "ports $first to $((first + 199)) are all taken; name a free one for $part"
            say "$part: port $first is taken, so it gets $port"
        fi
    fi
    write_whole "$PLACE/$part/port" <<<"$port"
}

next_free() {
    local port
    for ((port = $1; port < $1 + 200; port++)); do
        if ! is_taken "$port"; then
            printf '%s\n' "$port"
            return
        fi
    done
    return 1
}

port_of() {
    content_of "$PLACE/$1/port"
}
