# shellcheck shell=bash
# A Redis server of our own. It keeps nothing on disk: what the engine puts there may be lost at any time.

# Nothing has to be there before it starts.
prepare_redis() {
    mkdir -p "$PLACE/redis"
}

start_redis() {
    choose_port redis 16379 "${PAYMENT_NATIVE_REDIS_PORT:-}"
    write_whole "$PLACE/redis/redis.conf" <<END
bind 127.0.0.1
port $(port_of redis)
dir "$PLACE/redis"
save ""
appendonly no
maxmemory 256mb
maxmemory-policy volatile-lru
END
    start_part redis "$(redis_program)" "$PLACE/redis/redis.conf"
}

# Debian's redis-tools holds the server, under the name of one of the things it can do; it goes by the name it is
# called by. The package redis-server adds the link that is made here, and a service.
redis_program() {
    if command -v redis-server; then
        return
    fi
    ln -sfn "$(command -v redis-check-rdb)" "$PLACE/redis/redis-server"
    printf '%s\n' "$PLACE/redis/redis-server"
}

redis_answers() {
    local answer
    answer="$(ask_tcp "$(port_of redis)" 'PING\r\n' 5)"
    [ "$answer" = '2b504f4e47' ] # +PONG
}

# ask_tcp PORT TEXT COUNT: sends a text, with escapes for what is not text, and prints the answer's first COUNT bytes
# in hexadecimal.
ask_tcp() {
    # shellcheck disable=SC2016 # the inner shell expands these
    timeout 2 bash -c '
        exec {connection}<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&"$connection" &&
            head -c "$3" <&"$connection" | od -An -v -tx1 | tr -d " \n"' ask "$@" 2>/dev/null
}
