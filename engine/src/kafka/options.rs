//! What the clients are told: librdkafka's properties, from settings and from what the port promises.
//!
//! Owns which properties operators may not set. The list of all properties:
//! <https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md>.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;

/// How to reach Kafka.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port` of some brokers, separated by commas.
    pub bootstrap: String,
    /// Stands before the names of topics and groups, so that engines can share brokers.
    pub topic_prefix: String,
    /// Further properties of librdkafka, for TLS, SASL and tuning.
    pub options: BTreeMap<String, String>,
    /// Configuration of topics that the engine creates, over its own.
    pub topic_options: BTreeMap<String, String>,
}

/// Why there can be no client, whether Kafka is there or not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaSetupError {
    /// A property that the engine decides.
    #[error("the broker option {name} cannot be set: {why}; remove it")]
    Reserved {
        /// The property.
        name: String,
        /// Who decides it.
        why: &'static str,
    },
    /// librdkafka refused a property or its value.
    #[error("the kafka client refuses its options: {0}; correct them{hint}", hint = tls_hint(.0))]
    Refused(String),
}

/// librdkafka without OpenSSL knows the properties but cannot follow them.
fn tls_hint(refusal: &str) -> &'static str {
    let is_about_tls = ["ssl", "sasl", "OpenSSL"].iter().any(|word| refusal.contains(word));
    if is_about_tls && cfg!(not(feature = "kafka-tls")) {
        " (TLS and SASL to kafka need a build with --features kafka-tls)"
    } else {
        ""
    }
}

const ADDRESSES: &str = "the bootstrap addresses have a setting of their own";
const DURABLE: &str = "a record counts as published only when every replica in sync has it, once";
const BOUNDED: &str = "a publication must succeed or fail while somebody waits for it";
const EFFECT_FIRST: &str = "offsets are kept after a record had its effect, never before";
const FROM_THE_START: &str =
    "a new group must read from the first record, and groups are named by the engine";

/// What operators may not set, with aliases, and why.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", ADDRESSES),
    ("metadata.broker.list", ADDRESSES),
    ("acks", DURABLE),
    ("request.required.acks", DURABLE),
    ("enable.idempotence", DURABLE),
    ("transactional.id", DURABLE),
    ("message.timeout.ms", BOUNDED),
    ("delivery.timeout.ms", BOUNDED),
    ("enable.auto.commit", EFFECT_FIRST),
    ("auto.commit.enable", EFFECT_FIRST),
    ("enable.auto.offset.store", EFFECT_FIRST),
    ("group.id", FROM_THE_START),
    ("auto.offset.reset", FROM_THE_START),
];

/// How long a record may wait for its delivery, in milliseconds. librdkafka's own is 300,000.
pub(super) const MESSAGE_TIMEOUT_MS: u64 = 5_000;

/// The largest record of a topic, in bytes; librdkafka's own for its producer is 1,000,000.
pub(super) const MAX_MESSAGE_BYTES: &str = "2097152";

impl KafkaSettings {
    /// Whether operators may have their options.
    pub(super) fn check(&self) -> Result<(), KafkaSetupError> {
        for (name, why) in RESERVED {
            if self.options.contains_key(*name) {
                return Err(KafkaSetupError::Reserved { name: (*name).to_owned(), why });
            }
        }
        let is_off = |name: &str, off: &str| self.options.get(name).is_some_and(|value| value == off);
        if is_off("enable.ssl.certificate.verification", "false")
            || is_off("ssl.endpoint.identification.algorithm", "none")
        {
            tracing::warn!("broker options switch off certificate checks, so anybody can pose as kafka");
        }
        Ok(())
    }

    /// A client that only asks and administers.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("client.id", "payment-engine")
            // Found again soon after an outage; librdkafka's own pause grows to 10 s.
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        for (name, value) in &self.options {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    /// The producer: each record once, in order, on every replica in sync.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        let own = |config: &mut ClientConfig, name: &str, value: &str| {
            if !self.options.contains_key(name) {
                config.set(name, value);
            }
        };
        // Batches come as such from the outbox, so waiting for more records gains little.
        own(&mut config, "linger.ms", "1");
        own(&mut config, "message.max.bytes", MAX_MESSAGE_BYTES);
        // Java's partitions for the same keys, so that other producers of a topic keep a key's order.
        own(&mut config, "partitioner", "murmur2_random");
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", MESSAGE_TIMEOUT_MS.to_string());
        config
    }

    /// A member of a group; offsets are kept by hand only.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        if !self.options.contains_key("session.timeout.ms") {
            // A member that died holds its partitions this long; librdkafka's own is 45 s.
            config.set("session.timeout.ms", "10000");
        }
        config
            .set("group.id", format!("{}{group}", self.topic_prefix))
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false");
        config
    }

    /// A reader that belongs to no group: it is told what to read. librdkafka wants a group's name all the same.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.consumer("reader");
        let own = [
            // What is fetched ahead, in all; librdkafka's own is 65,536.
            ("queued.max.messages.kbytes", "16384"),
            // A broker answers one request at a time, and the one behind a topic's end waits this long for more to
            // come before the next topic's begins; librdkafka's own is 500.
            ("fetch.wait.max.ms", "10"),
        ];
        for (name, value) in own {
            if !self.options.contains_key(name) {
                config.set(name, value);
            }
        }
        config.set("enable.partition.eof", "true").set("allow.auto.create.topics", "false");
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(options: &[(&str, &str)]) -> KafkaSettings {
        let owned = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        KafkaSettings { bootstrap: "k:9092".to_owned(), options: owned.collect(), ..KafkaSettings::default() }
    }

    #[test]
    fn what_the_port_promises_cannot_be_set() {
        for (name, _) in RESERVED {
            let error = with(&[(name, "1")]).check().expect_err("it is reserved");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn options_reach_every_client_and_tune_over_the_defaults() {
        let settings = with(&[("linger.ms", "20"), ("session.timeout.ms", "6000"), ("client.id", "x")]);
        assert_eq!(settings.check(), Ok(()));
        assert_eq!(settings.producer().get("linger.ms"), Some("20"));
        assert_eq!(settings.consumer("g").get("session.timeout.ms"), Some("6000"));
        for config in [settings.client(), settings.producer(), settings.consumer("g")] {
            assert_eq!(config.get("client.id"), Some("x"));
            assert_eq!(config.get("bootstrap.servers"), Some("k:9092"));
        }
    }
}
