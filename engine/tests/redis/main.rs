//! The admission cache on Redis, against a real server.
//!
//! Most of these tests need one, so plain `cargo test` lists them as ignored. With `REDIS_HOST` and `REDIS_PORT` set
//! they run by `cargo test -p payment-engine --test redis -- --include-ignored`. Every test has keys of its own, which
//! expire. Outages happen in a proxy between the test and the server, so that others keep theirs.

mod answers;
mod limits;
mod outage;
mod parts;
mod proxy;
mod tls;
#[path = "../tls_front/mod.rs"]
mod tls_front;
