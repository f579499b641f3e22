# shellcheck shell=bash
# A MariaDB server of our own: options, tables and socket in its folder, nothing read from /etc.

readonly DATABASE=paydb ACCOUNT=payment

prepare_mariadb() {
    mkdir -p "$PLACE/mariadb/tmp"
    initialise_mariadb
}

start_mariadb() {
    choose_port mariadb 13306 "${PAYMENT_NATIVE_MARIADB_PORT:-}"
    configure_mariadb
    start_part mariadb mariadbd --defaults-file="$PLACE/mariadb/my.cnf"
}

# The system tables are made aside and moved into place, so that an interrupted try leaves nothing that looks whole.
initialise_mariadb() {
    local data="$PLACE/mariadb/data"
    [ ! -d "$data" ] || return 0
    rm -rf "$data.unfinished"
    mkdir "$data.unfinished"
    # No --user: with it, this program changes the owner of files that belong to the system's own MariaDB.
    logged "mariadb: making its system tables" "$PLACE/mariadb/initialise.log" \
        mariadb-install-db --no-defaults --datadir="$data.unfinished" --tmpdir="$PLACE/mariadb/tmp" --skip-test-db \
        --auth-root-authentication-method=socket --auth-root-socket-user="$(id -un)" ||
        die "MariaDB's system tables cannot be made in $data"
    mv "$data.unfinished" "$data"
}

configure_mariadb() {
    local port
    port="$(port_of mariadb)"
    # The socket is named relative to the data, because the name of a socket may have 107 characters at most.
    # Commits reach the disk before they are answered: that is what is relied on, so that is what is tested. The redo log
    # is half as large as the pages that it protects: 4 GiB hold three minutes of 3,000 authorizations a second. When a
    # tenth of all pages has changed they are written back little by little, not all at once when the log is full
    # (https://mariadb.com/kb/en/innodb-page-flushing/).
    write_whole "$PLACE/mariadb/my.cnf" <<END
[mariadbd]
user = $(id -un)
datadir = $PLACE/mariadb/data
tmpdir = $PLACE/mariadb/tmp
socket = mariadb.sock
pid-file = mariadb.pid
bind-address = 127.0.0.1
port = $port
skip-name-resolve
max-connections = 500
innodb-flush-log-at-trx-commit = 1
innodb-buffer-pool-size = $(pool_mib)M
innodb-log-file-size = $(($(pool_mib) / 2))M
innodb-max-dirty-pages-pct-lwm = 10
character-set-server = utf8mb4
collation-server = utf8mb4_nopad_bin
secure-file-priv = $PLACE/mariadb/tmp
init-file = $PLACE/mariadb/accounts.sql
END
    write_whole "$PLACE/mariadb/client.cnf" <<END
[client]
protocol = tcp
host = 127.0.0.1
port = $port
user = $ACCOUNT
password = $(password)
connect-timeout = 2
END
    mariadb_accounts | write_whole "$PLACE/mariadb/accounts.sql"
}

# A third of this machine's memory for the server's pages, at least 256 MiB and at most 8 GiB: what a machine that
# serves other things as well can spare. It is taken as tables grow, not before.
pool_mib() {
    local of_all
    of_all="$(awk '$1 == "MemTotal:" { print int($2 / 3 / 1024) }' /proc/meminfo)"
    if [ "$of_all" -lt 256 ]; then
        echo 256
    elif [ "$of_all" -gt 8192 ]; then
        echo 8192
    else
        echo "$of_all"
    fi
}

# Run by the server at each start, before it takes connections. The account may do everything on this server, which
# holds nothing else: tests make databases of their own, end connections, and hold commits back.
mariadb_accounts() {
    local host
    printf 'CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;\n' "$DATABASE"
    for host in 127.0.0.1 localhost; do
        printf "CREATE OR REPLACE USER '%s'@'%s' IDENTIFIED BY '%s';\n" "$ACCOUNT" "$host" "$(password)"
        printf "GRANT ALL PRIVILEGES ON *.* TO '%s'@'%s' WITH GRANT OPTION;\n" "$ACCOUNT" "$host"
    done
}

# Whether the account gets an answer over TCP, as the engine will.
mariadb_answers() {
    timeout 5 mariadb --defaults-file="$PLACE/mariadb/client.cnf" --batch --execute 'SELECT 1'
}
