//! The check decides what it says it decides: lives that went right are clean, and each way of going wrong is found
//! under the right invariant, naming the payment.
//!
//! Every case runs on the embedded parts, and again on a MariaDB and Kafka. The latter need servers, so plain
//! `cargo test` lists them as ignored. With addresses in `PAYMENT_DB_HOST`, `PAYMENT_DB_PORT`, `PAYMENT_DB_USER`,
//! `PAYMENT_DB_PASSWORD` and `KAFKA_BOOTSTRAP_SERVERS` they run by
//! `cargo test -p payment-engine --test check -- --include-ignored`. The accounts must be allowed to create databases
//! and topics; each test has its own.

mod books;
mod clean;
mod corrupt;
mod corrupt_record;
mod corrupt_topics;
mod out_of_reach;
mod over_http;
mod parts;
#[path = "../mariadb/server.rs"]
mod server;
mod two_databases;
