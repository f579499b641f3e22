# shellcheck shell=bash
# Which ports are taken, and which to take. Read from the kernel's tables: a bare machine has neither ss nor lsof.

# One set of parts at a time looks for ports on this machine and takes them, or two would take the same. Descriptor 8 is
# the lock, on a folder that everybody has; nothing is written there.
lock_ports() {
    exec 8</tmp
    if ! flock --nonblock 8; then
        say "waiting for another compose/native that is starting its parts …"
        flock --wait 150 8 || say "it takes its time; going on without it, on ports that are free now"
    fi
}

unlock_ports() {
    exec 8<&-
}

# Whether anybody on this machine listens on a port, on whichever address.
is_taken() {
    local hex
    hex="$(printf '%04X' "$1")"
    grep -qs "^ *[0-9]*: [0-9A-F]*:$hex [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6
}

# choose_port PART FIRST [WANTED]: the port to start a part on, recorded in PART/port. The one it had before is its
# first choice, so that addresses stay what they were; a wanted one is its only choice.
choose_port() {
    local part="$1" first="$2" wanted="${3:-}" usual port
    mkdir -p "$PLACE/$part"
    if [ -n "$wanted" ]; then
        if [[ ! "$wanted" =~ ^[1-9][0-9]{0,4}$ ]] || ((wanted > 65535)); then
            die "$wanted is no port for $part; choose one from 1 to 65535"
        fi
        ! is_taken "$wanted" || die "port $wanted, asked for $part, is taken; choose another, or none to have one found"
        port="$wanted"
    else
        usual="$(content_of "$PLACE/$part/port")"
        usual="${usual:-$first}"
        port="$usual"
        if is_taken "$usual"; then
            port="$(next_free "$first")" || die "ports $first to $((first + 199)) are all taken; name a free one for $part"
            say "$part: port $usual is taken, so it gets $port"
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
