//! What is said and kept for every second of a load.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::tally::{Latency, Tally};
use crate::terminal;

const SECOND: Duration = Duration::from_secs(1);

/// One value for each second, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seconds {
    /// First requests answered.
    pub(crate) answered: Vec<u64>,
    /// Errors of any kind.
    pub(crate) errors: Vec<u64>,
    /// Latency of first requests, milliseconds.
    pub(crate) p50_ms: Vec<f64>,
    /// The same, of all but one in a hundred.
    pub(crate) p99_ms: Vec<f64>,
}

/// Tells of a load while it runs.
pub(crate) struct Progress {
    begun: Instant,
    next_line: Instant,
    recent: Latency,
    errors: u64,
    pub(crate) seconds: Seconds,
}

impl Progress {
    pub(crate) fn new(begun: Instant) -> Self {
        Self {
            begun,
            next_line: begun + SECOND,
            recent: Latency::default(),
            errors: 0,
            seconds: Seconds::default(),
        }
    }

    /// A first request has ended, well or not.
    pub(crate) fn answered(&mut self, took: Duration) {
        self.recent.record(took);
    }

    /// Says its line when a second is over.
    pub(crate) fn tick(&mut self, now: Instant, under_way: usize, tallies: &[Tally]) {
        if now < self.next_line {
            return;
        }
        self.next_line += SECOND;
        let errors: u64 = tallies.iter().map(Tally::errors).sum();
        let completed: u64 = tallies.iter().map(|tally| tally.flows_completed).sum();
        let (answered, new_errors) = (self.recent.count(), errors - self.errors);
        let (p50, p99) = (self.recent.at(50.0), self.recent.at(99.0));
        terminal::note(&format!(
            "{:>4} s {answered:>6}/s  p50 {p50:>8.2} ms  p99 {p99:>8.2} ms  errors {new_errors:>5} (all {errors})  \
             completed {completed}  under way {under_way}",
            now.duration_since(self.begun).as_secs(),
        ));
        self.seconds.answered.push(answered);
        self.seconds.errors.push(new_errors);
        self.seconds.p50_ms.push(p50);
        self.seconds.p99_ms.push(p99);
        self.errors = errors;
        self.recent.clear();
    }
}
