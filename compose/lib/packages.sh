# shellcheck shell=bash
# Debian packages, installed only when something is missing. Those chosen hold programs and no service: the packages
# mariadb-server and redis-server would add services that start now and at every boot, beside whatever is there.

# need PACKAGE WHY: notes what has to be installed.
need() {
    missing+=("$1")
    reasons+=("$(printf '    %-24s %s' "$1" "$2")")
}

has() {
    command -v "$1" >/dev/null
}

need_parts() {
    { has mariadbd && has mariadb-install-db; } || need mariadb-server-core "the MariaDB server"
    has mariadb || need mariadb-client-core "its client, to see when it is ready"
    has redis-server || has redis-check-rdb ||
        need redis-tools "Redis: its server is the same program under another name"
    find_java >/dev/null || need default-jre-headless "Java 17 or newer, which Kafka runs on"
    kafka_is_here || has mvn || need maven "to fetch Kafka's jars"
}

need_compiler() {
    has cargo || die "Rust is missing, which the engine is built with; install it from https://rustup.rs"
    compiles_with cc c || need gcc "SQLite and the allocator are C, and Rust links through cc"
    compiles_with cc c || need libc6-dev "the headers for that"
    compiles_with g++ c++ || need g++ "librdkafka, the client of Kafka, is C and C++"
    has make || need make "to build librdkafka"
    [ -e /usr/include/zlib.h ] || need zlib1g-dev "librdkafka compresses with it"
}

compiles_with() {
    echo 'int main(void) { return 0; }' | "$1" -x "$2" -o /dev/null - >/dev/null 2>&1
}

# install_missing NEEDS…: runs the functions that note what is missing, then installs that.
install_missing() {
    local missing=() reasons=() check
    for check in "$@"; do
        "$check"
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    has apt-get || die "there is no apt-get here; install by hand what these Debian packages hold: ${missing[*]}"
    say "installing Debian packages (they bring no services):"
    printf '%s\n' "${reasons[@]}" >&2
    if [ "$(id -u)" -ne 0 ] && ! has sudo; then
        die "only root can install them, and there is no sudo; have root run: apt-get install --no-install-recommends ${missing[*]}"
    fi
    mkdir -p "$PLACE"
    logged "apt-get update" "$PLACE/apt-update.log" as_root apt-get update ||
        die "the lists of packages cannot be fetched; the first start needs Debian's package mirror"
    # --no-remove: a package that conflicts with one that is there is an error, never a replacement.
    logged "apt-get install" "$PLACE/apt-install.log" as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get install --yes --no-install-recommends --no-remove "${missing[@]}" ||
        die "the packages cannot be installed: ${missing[*]}"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -- "$@"
    fi
}
