//! The wall clock's twin: virtual time since the run began, on top of a fixed day.
//!
//! It may jump, as real ones do; durations are never measured with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};

use super::environment::Environment;
use crate::ports::clock::WallClock;

/// 2026-01-01T00:00:00Z, when every run begins.
const FIRST_MOMENT: i64 = 1_767_225_600;

/// A wall clock in virtual time.
#[derive(Debug)]
pub struct SimClock {
    environment: Arc<Environment>,
    offset_millis: AtomicI64,
}

impl SimClock {
    /// A clock that starts with the run.
    #[must_use]
    pub fn new(environment: Arc<Environment>) -> Self {
        Self { environment, offset_millis: AtomicI64::new(0) }
    }

    /// Sets the clock forward or back.
    pub fn jump(&self, millis: i64) {
        self.offset_millis.fetch_add(millis, Ordering::Relaxed);
    }
}

impl WallClock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        let elapsed = Duration::from_std(self.environment.elapsed()).expect("a run is short");
        let first = DateTime::from_timestamp(FIRST_MOMENT, 0).expect("a moment of this century");
        first + elapsed + Duration::milliseconds(self.offset_millis.load(Ordering::Relaxed))
    }
}
