//! [`AdmissionCache`](payment_actors::ports::admission::AdmissionCache) on Redis.
//!
//! Owns the script that limits and looks up in one round trip, the keys, and the connection with its outages. A
//! request never waits longer for Redis than [`RedisSettings::patience`], and not at all while Redis is known to be
//! away: then the process decides by itself. Never the truth about a key; that is the store's.

mod admission;
mod answer;
mod keys;
mod link;
mod script;
mod settings;
mod trips;

pub use admission::RedisAdmission;
pub use settings::{RedisSettings, RedisSetupError};
