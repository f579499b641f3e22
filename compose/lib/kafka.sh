# shellcheck shell=bash
# Apache Kafka, one broker that is its own controller (KRaft), from its published jars: compose/kafka/pom.xml says which.

prepare_kafka() {
    mkdir -p "$PLACE/kafka/tmp"
    fetch_kafka
}

start_kafka() {
    choose_port kafka 19092 "${PAYMENT_NATIVE_KAFKA_PORT:-}"
    # The controller is asked by nobody but the broker beside it.
    choose_port kafka/controller $(($(port_of kafka) + 1))
    configure_kafka
    format_kafka
    start_part kafka "${kafka_java[@]}" -Xmx512m kafka.Kafka server.properties
}

# Whether the jars are those that the pom of today asks for.
kafka_is_here() {
    [ "$(content_of "$PLACE/kafka/libs/.pom")" = "$(sha256sum <"$HERE/kafka/pom.xml")" ]
}

fetch_kafka() {
    local java
    if ! kafka_is_here; then
        rm -rf "$PLACE/kafka/libs" "$PLACE/kafka/libs.unfinished"
        logged "kafka: fetching its jars, about 50 MB" "$PLACE/kafka/fetch.log" \
            mvn --batch-mode --file "$HERE/kafka/pom.xml" -Dmaven.repo.local="$PLACE/kafka/repository" \
            dependency:copy-dependencies -DoutputDirectory="$PLACE/kafka/libs.unfinished" ||
            die "Kafka's jars cannot be fetched; the first start needs Maven Central"
        sha256sum <"$HERE/kafka/pom.xml" >"$PLACE/kafka/libs.unfinished/.pom"
        mv "$PLACE/kafka/libs.unfinished" "$PLACE/kafka/libs"
        rm -rf "$PLACE/kafka/repository"
    fi
    java="$(find_java)" || die "there is no Java 17 or newer here, which Kafka runs on"
    kafka_java=("$java" -cp 'libs/*' -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError -Djava.io.tmpdir=tmp
        -Dlog4j2.configurationFile=log4j2.properties)
}

find_java() {
    local java version
    for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java)" /usr/lib/jvm/*/bin/java; do
        [ -x "$java" ] || continue
        version="$("$java" -version 2>&1 | sed -n '1s/^[^"]*"\([0-9]*\).*/\1/p')"
        if [ "${version:-0}" -ge 17 ]; then
            printf '%s\n' "$java"
            return
        fi
    done
    return 1
}

configure_kafka() {
    local port controller
    port="$(port_of kafka)"
    controller="$(port_of kafka/controller)"
    # Everything is named relative to the folder it runs in: a comma or colon in an absolute name would part it in two.
    cp "$HERE/kafka/log4j2.properties" "$PLACE/kafka/log4j2.properties"
    # Topics are made by the engine, which knows their partitions; one made by accident would have the wrong number.
    write_whole "$PLACE/kafka/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
END
}

format_kafka() {
    [ ! -e "$PLACE/kafka/data/meta.properties" ] || return 0
    local cluster
    cluster="$(head -c 16 /dev/urandom | base64 | tr -d '=' | tr '+/' 'AB')"
    (
        cd "$PLACE/kafka" || exit
        "${kafka_java[@]}" kafka.tools.StorageTool format -t "$cluster" -c server.properties >format.log 2>&1
    ) || {
        show_tail "$PLACE/kafka/format.log"
        die "Kafka's storage cannot be made in $PLACE/kafka/data"
    }
}

# Whether it has said that it started, and answers the first request of every client: which versions of which requests
# it knows (ApiVersions, key 18). The answer begins with its length and the request's number, here 7.
kafka_answers() {
    local answer
    grep -q 'Kafka Server started' "$PLACE/kafka/log" || return 1
    answer="$(ask_tcp "$(port_of kafka)" '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff' 8)"
    [ "${answer:8}" = 00000007 ]
}
