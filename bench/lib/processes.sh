# shellcheck shell=bash
# Processes of the engine for one measurement, on a scratch directory that is gone afterwards. Whoever sources this sets
# `root` and defines `fail`. Ends only what it started.
# shellcheck disable=SC2154 # root is theirs

parts=()
started=()
# Where a process keeps its data, by name, when that is not in the scratch directory.
declare -A data_directory=()
# Databases of this measurement on the parts.
databases=()
scratch=$(mktemp -d)

# build PACKAGE …: release builds of these; $built is where they are.
build() {
    local packages=() package
    for package in "$@"; do packages+=(-p "$package"); done
    (cd "$root" && cargo build --quiet --release "${packages[@]}") || fail "the engine does not build"
    # shellcheck disable=SC2034 # for whoever sources this
    built=${CARGO_TARGET_DIR:-$root/target}/release
}

# stop PID: ends one of them and waits for its end.
stop() {
    kill -TERM "$1" 2> /dev/null || true
    wait "$1" 2> /dev/null || true
}

stop_all() {
    local index
    # The engine before the gateway that it calls.
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        stop "${started[index]}"
    done
    started=()
}

sql() {
    MYSQL_PWD=${PAYMENT_DB_PASSWORD:-} mariadb -h "$PAYMENT_DB_HOST" -P "${PAYMENT_DB_PORT:-3306}" \
        -u "${PAYMENT_DB_USER:-root}" -e "$1"
}

# They would be in the way of the next measurement, in the server's memory.
drop_databases() {
    local name
    [ ${#databases[@]} -gt 0 ] || return 0
    command -v mariadb > /dev/null || { echo "left there, as there is no program mariadb: ${databases[*]}" >&2; return 0; }
    for name in "${databases[@]}"; do
        sql "DROP DATABASE IF EXISTS $name" || true
    done
}

cleanup() {
    stop_all
    drop_databases
    rm -rf "$scratch"
}
trap cleanup EXIT

# begin NAME argument …: payment-engine with these, or $program when that is set; $pid is its process. Its directory is that of every process that
# begins by this name, $scratch/NAME unless data_directory[NAME] says another.
begin() {
    local name=$1
    shift
    rm -f "$scratch/$name.json"
    env MOCK_PG_LOADTEST_MODE=true PAYMENT__LIMITS__PROFILE=loadtest RUST_LOG=warn "${parts[@]}" "${program:-$built/payment-engine}" "$@" \
        --listen 127.0.0.1:0 --data-dir "${data_directory[$name]:-$scratch/$name}" --ready-file "$scratch/$name.json" > "$scratch/$name.log" 2>&1 &
    pid=$!
    started+=("$pid")
}

# until_ready NAME: waits for the process that was begun last.
until_ready() {
    local _
    for _ in $(seq 6000); do
        [ ! -s "$scratch/$1.json" ] || return 0
        kill -0 "$pid" 2> /dev/null || { cat "$scratch/$1.log" >&2; fail "$1 ended before it was ready"; }
        sleep 0.01
    done
    fail "$1 was not ready within a minute"
}

# start NAME argument …: the same, ready to be asked.
start() {
    begin "$@"
    until_ready "$1"
}

# address NAME FIELD: where it listens.
address() { sed -n "s/.*\"$2\": *\"\([^\"]*\)\".*/\1/p" "$scratch/$1.json"; }

# Resident memory of the process that was begun last.
resident_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status"; }

# store_url NAME: the parts' server and a database there, for payment-bench.
store_url() {
    echo "mysql://${PAYMENT_DB_USER:-root}:${PAYMENT_DB_PASSWORD:-}@$PAYMENT_DB_HOST:${PAYMENT_DB_PORT:-3306}/$1"
}

# With PAYMENT_DB_HOST set the engine runs on those parts, in a database and with topics and keys of its own; the database
# is dropped in the end.
use_parts() {
    [ -n "${PAYMENT_DB_HOST:-}" ] || return 0
    local own
    own=$1_$(date +%s)
    databases=("$own")
    parts=("PAYMENT_DB_NAME=$own" "PAYMENT__BROKER__TOPIC_PREFIX=$own-" "PAYMENT__CACHE__KEY_PREFIX=$own-")
}

# machine: what is measured on, as JSON.
machine() {
    printf '{"cores":%s,"memory_mib":%s,"kernel":"%s"}' "$(nproc)" \
        "$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)"
}
