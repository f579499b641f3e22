//! The behaviour of the payment engine: the supervision layer, the actors, and the ports through which they
//! reach the world.
//!
//! Owns everything that happens between a request and its durable, published outcome. Never touches a database,
//! a socket, a clock or a random source except through [`ports`].

pub mod api;
pub mod breaker;
#[cfg(feature = "contract-tests")]
pub mod contract_tests;
pub mod engine;
pub mod journal;
pub mod ledger;
pub mod limiter;
pub mod outbox;
mod pace;
pub mod payments;
pub mod pg_worker;
pub mod ports;
pub mod recovery;
mod root;
pub mod service;
pub mod settings;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod supervision;
pub mod wakeups;
