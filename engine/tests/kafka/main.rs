//! The event log on Kafka, against real brokers.
//!
//! Most of these tests need some, so plain `cargo test` lists them as ignored. With `KAFKA_BOOTSTRAP_SERVERS` set
//! they run by `cargo test -p payment-engine --test kafka -- --include-ignored`. The account must be allowed to create
//! topics. Every test has topics and groups of its own, and takes them away at its end. What happens without brokers
//! is tried on addresses where nobody listens, and on librdkafka's simulated cluster, whose brokers can be stopped.

mod contracts;
mod groups;
mod outage;
mod parts;
mod topics;
