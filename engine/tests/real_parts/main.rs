//! The promises of the whole program on MariaDB, Kafka and Redis, kept while these parts fail and when work is shared.
//!
//! Every test needs the servers that `compose/native env` names, so plain `cargo test` lists them as ignored, and
//! `compose/native test` runs them. Each has a database, topics and keys of its own. Whatever it stops, kills or freezes
//! is its own as well: it starts the part itself, the way `compose/native` does, and ends it by its process id.
//!
//! Owns what takes several processes or a failing part to show. Lives of payments, faults of the PG and the death of the
//! engine are in the end-to-end tests, which run on these parts too.

#[path = "../e2e/client.rs"]
#[expect(dead_code, reason = "the end-to-end tests ask for more")]
mod client;
#[path = "../e2e/engine.rs"]
#[expect(dead_code, reason = "the end-to-end tests ask for more")]
mod engine;
mod events;
mod kafka_outage;
#[path = "../e2e/load.rs"]
mod load;
mod mariadb_outages;
mod order_of_truth;
mod own_part;
#[path = "../mariadb/own_server.rs"]
#[expect(dead_code, reason = "the store's own tests ask for more")]
mod own_server;
#[path = "../e2e/place.rs"]
mod place;
mod poison;
#[path = "../e2e/process.rs"]
mod process;
mod redis_outages;
mod shards;
mod site;
#[path = "../e2e/topics.rs"]
mod topics;
mod two_engines;
mod workers;
#[path = "../e2e/world.rs"]
#[expect(unused, reason = "there is one world here")]
mod world;
