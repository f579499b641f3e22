//! Latencies in short.

use serde::{Deserialize, Serialize};

use super::tally::Latency;

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Percentiles {
    pub(crate) fn of(latency: &Latency) -> Self {
        Self {
            p50: latency.at(50.0),
            p95: latency.at(95.0),
            p99: latency.at(99.0),
            p999: latency.at(99.9),
            max: latency.max(),
        }
    }

    /// The percentile of that name; the highest for a name that is none.
    pub(crate) fn named(&self, name: &str) -> f64 {
        match name {
            "p50" => self.p50,
            "p95" => self.p95,
            "p99" => self.p99,
            "p999" => self.p999,
            _ => self.max,
        }
    }

    /// All of them on one line.
    pub(crate) fn line(&self) -> String {
        let Self { p50, p95, p99, p999, max } = self;
        format!("p50 {p50:.2}  p95 {p95:.2}  p99 {p99:.2}  p99.9 {p999:.2}  max {max:.2} ms")
    }
}
