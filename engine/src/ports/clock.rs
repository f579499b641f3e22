//! The operating system's clock.

use chrono::{DateTime, Utc};
use payment_actors::ports::clock::WallClock;

/// Tells the time of day of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
