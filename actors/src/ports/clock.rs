//! Wall-clock time as a port: for timestamps people read, never for measuring how long something took
//! (that is `tokio::time::Instant`, which the simulation controls).

use chrono::{DateTime, Utc};

/// Where the time of day comes from.
pub trait WallClock: Send + Sync + 'static {
    /// The current time of day. It may jump; order events by version or sequence, not by it.
    fn now(&self) -> DateTime<Utc>;
}
