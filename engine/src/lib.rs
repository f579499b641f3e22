//! The parts that `payment-engine` is wired from: adapters that let the actors reach the outside world, and
//! the payment-gateway simulator that stands in for that world on a laptop and in tests.
//!
//! It owns everything that talks to a socket, a file or a clock on behalf of the actors. It never decides what
//! may happen to a payment: that is `payment-schema`, driven by `payment-actors`.

pub mod api_keys;
pub mod check;
pub mod cli;
pub mod config;
mod courier;
pub mod gateway;
pub mod kafka;
pub mod mariadb;
pub mod pg_simulator;
pub mod ports;
pub mod redis;
pub mod serve;
pub mod shards;
pub mod sqlite;
pub mod telemetry;
pub mod tls;
