# shellcheck shell=bash
# The one folder that holds everything: programs, data, logs, the records of what runs, the password.

PLACE="${PAYMENT_NATIVE_DIR:-$ROOT/target/native}"
case "$PLACE" in
/*) ;;
*) PLACE="$PWD/$PLACE" ;;
esac
readonly PLACE

# One command at a time changes what runs. Descriptor 9 is the lock; start_process keeps it from what it starts.
lock_place() {
    mkdir -p "$PLACE"
    exec 9>"$PLACE/lock"
    if ! flock --nonblock 9; then
        say "waiting for another compose/native that is at work in $PLACE …"
        flock --wait 600 9 || die "another compose/native is still at work in $PLACE after 10 minutes; see what it waits for"
    fi
}

unlock_place() {
    exec 9>&-
}

# What a file holds, and nothing when there is none.
content_of() {
    # It may be gone by the time it is read.
    if [ -e "$1" ]; then
        cat "$1" 2>/dev/null || true
    fi
}

# Writes standard input to a file whole: nobody ever reads half of it.
write_whole() {
    cat >"$1.unfinished"
    mv "$1.unfinished" "$1"
}

# The database account's password, made once; umask keeps it from others.
password() {
    if [ ! -s "$PLACE/password" ]; then
        od -An -N24 -tx1 /dev/urandom | tr -d ' \n' | write_whole "$PLACE/password"
    fi
    cat "$PLACE/password"
}
