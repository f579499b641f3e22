//! What is said about a load: a line while it runs, a summary, a JSON file.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's voice on the terminal")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cli::LoadOptions;
use crate::expect::Figures;
use crate::load::Tally;

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Percentiles {
    p50: f64,
    p95: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |percentile: f64| milliseconds(histogram.value_at_percentile(percentile));
        Self {
            p50: at(50.0),
            p95: at(95.0),
            p99: at(99.0),
            p999: at(99.9),
            max: milliseconds(histogram.max()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a latency are far below 2^53")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// The result of a load.
#[derive(Serialize)]
pub(crate) struct Report {
    flow: &'static str,
    rate: f64,
    achieved: f64,
    duration_s: f64,
    requests: u64,
    ok: u64,
    declined: u64,
    errors: BTreeMap<String, u64>,
    late_starts: u64,
    latency_ms: BTreeMap<&'static str, Percentiles>,
    flows_completed: u64,
    completion_ms: Percentiles,
    #[serde(skip)]
    authorize: Histogram<u64>,
}

impl Report {
    #[expect(clippy::cast_precision_loss, reason = "counts of a load are far below 2^53")]
    pub(crate) fn new(options: &LoadOptions, tally: &Tally, scheduled: Duration, took: Duration) -> Self {
        let answered = tally.ok + tally.declined;
        let authorize =
            tally.latency.get("authorize").map_or_else(crate::load::histogram, |seen| seen.0.clone());
        Self {
            flow: options.flow.name(),
            rate: options.steps.iter().copied().reduce(f64::max).unwrap_or(options.rate),
            achieved: answered as f64 / took.max(scheduled).as_secs_f64(),
            duration_s: took.as_secs_f64(),
            requests: tally.requests,
            ok: tally.ok,
            declined: tally.declined,
            errors: tally.errors.clone(),
            late_starts: tally.late_starts,
            latency_ms: tally.latency.iter().map(|(name, seen)| (*name, Percentiles::of(&seen.0))).collect(),
            flows_completed: tally.flows_completed,
            completion_ms: Percentiles::of(&tally.completion.0),
            authorize,
        }
    }
}

impl Figures for Report {
    fn percentile_ms(&self, percentile: f64) -> f64 {
        milliseconds(self.authorize.value_at_percentile(percentile))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a load are far below 2^53")]
    fn errors_percent(&self) -> f64 {
        let errors: u64 = self.errors.values().sum();
        errors as f64 * 100.0 / self.requests.max(1) as f64
    }
}

/// A line a second while the load runs.
pub(crate) fn progress(what: &str, elapsed: Duration, under_way: usize, tally: &Tally) {
    let errors: u64 = tally.errors.values().sum();
    eprintln!(
        "{what} {:>4} s: {} requests, {} ok, {} declined, {errors} errors, {under_way} flows under way",
        elapsed.as_secs(),
        tally.requests,
        tally.ok,
        tally.declined,
    );
}

/// The readable summary.
pub(crate) fn print(report: &Report) {
    println!("flow {} at {:.0}/s: {:.1}/s answered", report.flow, report.rate, report.achieved);
    println!(
        "requests {}, ok {}, declined {}, errors {:?}",
        report.requests, report.ok, report.declined, report.errors
    );
    for (name, seen) in &report.latency_ms {
        println!(
            "{name:<10} p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms",
            seen.p50, seen.p95, seen.p99, seen.p999, seen.max
        );
    }
    println!("flows completed {}, late starts {}", report.flows_completed, report.late_starts);
}

/// Writes the result as JSON.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(file: &Path, report: &Report) -> Result<(), String> {
    let text = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    std::fs::write(file, text + "\n")
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))
}

/// One sentence on standard error.
pub(crate) fn complain(words: &str) {
    eprintln!("payment-bench: {words}");
}
