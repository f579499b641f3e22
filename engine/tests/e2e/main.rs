//! The program from outside: a real process, real sockets, a real data directory.
//!
//! Whatever holds on the embedded parts must hold on MariaDB, Kafka and Redis: each test runs in both worlds, unless it is
//! about the data directory. The latter needs the servers that `compose/native env` names, so plain `cargo test` lists it
//! as ignored, and `compose/native test` runs it; every engine there has a database, topics and keys of its own.
//!
//! Owns what only a whole process can show: the life of a payment over HTTP, faults of the PG, drills, API keys, and
//! death by `kill -9`. Rules in detail are tested in `payment-schema`, faults in depth in the simulation.

#[expect(dead_code, reason = "the drills on the real parts look at more of an answer")]
mod client;
mod dead_letters;
mod drills;
mod engine;
mod faults;
mod idempotency;
mod keys;
mod kill;
mod life;
#[expect(dead_code, reason = "the drills on the real parts ask for more")]
mod load;
mod place;
mod process;
mod start;
mod tables;
#[expect(dead_code, reason = "the drills on the real parts look at more of a record")]
mod topics;
mod world;
