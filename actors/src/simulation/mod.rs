//! The engine inside one deterministic universe: one thread, virtual time, one seed.
//!
//! Owns a simulated twin for every port, the workload that plays merchants, operators and bad luck, and the
//! auditor that judges what came of it. Never used in production: it sits behind the cargo feature
//! `simulation`, which alone turns on tokio's virtual time.
//!
//! Everything a run does follows from its [`Seed`](dice::Seed): every delay, fault and choice is drawn from
//! ChaCha streams of that seed, one stream per purpose, so that a draw added in one place does not shift the
//! others. Nothing here reads a clock or iterates over a hash map.

pub mod admission;
mod auditor;
pub mod clock;
pub mod dice;
pub mod environment;
pub mod event_log;
pub mod faults;
pub mod gateway;
mod history;
pub mod meter;
mod nodes;
pub mod random;
mod run;
pub mod store;
mod trace;
mod workload;
mod world;

pub use run::{Report, Work, run};
