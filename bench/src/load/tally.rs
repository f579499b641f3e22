//! What was seen.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies from a microsecond to ten minutes, to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are in order")
}

/// Counts and latencies of a load.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) ok: u64,
    pub(crate) declined: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) late_starts: u64,
    pub(crate) flows_completed: u64,
    pub(crate) latency: BTreeMap<&'static str, Latency>,
    pub(crate) completion: Latency,
}

/// One histogram, in microseconds.
pub(crate) struct Latency(pub(crate) Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        Self(histogram())
    }
}

impl Latency {
    pub(crate) fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }
}

impl Tally {
    /// One answer; `None` when there was none.
    pub(crate) fn answered(&mut self, operation: &'static str, status: Option<u16>, took: Duration) {
        self.requests += 1;
        self.latency.entry(operation).or_default().record(took);
        match status {
            Some(200..=299) => self.ok += 1,
            Some(402) => self.declined += 1,
            Some(other) => *self.errors.entry(other.to_string()).or_default() += 1,
            None => *self.errors.entry("no-answer".to_owned()).or_default() += 1,
        }
    }
}
