//! The program from outside: a real process, real sockets, a real data directory.
//!
//! Owns what only a whole process can show: the life of a payment over HTTP, faults of the PG, drills, API keys, and
//! death by `kill -9`. Rules in detail are tested in `payment-schema`, faults in depth in the simulation.

mod client;
mod dead_letters;
mod drills;
mod engine;
mod faults;
mod idempotency;
mod keys;
mod kill;
mod life;
mod start;
mod tables;
