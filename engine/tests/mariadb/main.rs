//! The MariaDB store against a real server.
//!
//! These tests need one, so plain `cargo test` lists them as ignored. With a server's address in `PAYMENT_DB_HOST`,
//! `PAYMENT_DB_PORT`, `PAYMENT_DB_USER` and `PAYMENT_DB_PASSWORD` they run by
//! `cargo test -p payment-engine --test mariadb -- --include-ignored`. The account must be allowed to create databases
//! and, for what looks at the whole server, to do everything. Every test has a database of its own; what would disturb
//! others starts a server of its own, for which `mariadbd` must be on the path.

mod certificates;
mod conflicts;
mod contracts;
mod hosts;
mod migrations;
mod opening;
mod outages;
mod own_server;
mod proxy;
mod queries;
mod room;
mod server;
mod shards;
mod waiters;
mod work;
