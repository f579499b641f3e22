//! The payment-gateway simulator as a client sees it: over a socket, on a port of its own, in a directory of
//! its own. Every test starts what it needs and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod durability;
mod faults;
mod record;
mod repeats;
mod requests;
mod rules;
