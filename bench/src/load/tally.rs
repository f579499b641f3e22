//! What was seen.
//!
//! Owns the counts and latencies of one stretch of the load, and which answers are results and which are errors.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::connection::Break;
use super::flow::Step;

/// Latencies in microseconds, up to ten minutes, to three digits.
#[derive(Clone)]
pub(crate) struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are in order"))
    }
}

impl Latency {
    pub(crate) fn record(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that this percentage of requests stays within, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a latency are far below 2^53")]
    pub(crate) fn at(&self, percentile: f64) -> f64 {
        self.0.value_at_percentile(percentile) as f64 / 1_000.0
    }

    /// The highest latency, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a latency are far below 2^53")]
    pub(crate) fn max(&self) -> f64 {
        self.0.max() as f64 / 1_000.0
    }
}

/// What a request is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    Authorize,
    Capture,
    Refund,
    Read,
    Replay,
    Wrong,
}

impl Operation {
    /// The name in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Read => "read",
            Self::Replay => "replay",
            Self::Wrong => "wrong",
        }
    }
}

impl From<Step> for Operation {
    fn from(step: Step) -> Self {
        match step {
            Step::Authorize => Self::Authorize,
            Step::Capture => Self::Capture,
            Step::Refund => Self::Refund,
            Step::Read(_) => Self::Read,
            Step::Replay { .. } => Self::Replay,
            Step::Wrong(_) => Self::Wrong,
        }
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Silence {
    /// The connection failed.
    Broken(Break),
    /// None came in time.
    TimedOut,
    /// It was due, but the load ended before there was a connection to send it on.
    Unsent,
}

impl Silence {
    /// The name in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Broken(Break::Connect) => "connect",
            Self::Broken(Break::Closed { .. }) => "closed",
            Self::Broken(Break::Malformed) => "malformed",
            Self::TimedOut => "timeout",
            Self::Unsent => "unsent",
        }
    }
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Ok,
    Declined,
    /// Refused or repeated as it should be.
    Expected,
    Error,
}

fn meaning(step: Step, status: u16) -> Meaning {
    let expected = |wanted| if status == wanted { Meaning::Expected } else { Meaning::Error };
    match (step, status) {
        (Step::Replay { status: first }, _) => expected(first),
        (Step::Wrong(wrong), _) => expected(wrong.expected()),
        (Step::Authorize, 402) => Meaning::Declined,
        (Step::Authorize | Step::Capture | Step::Refund | Step::Read(_), 200..=202) => Meaning::Ok,
        (Step::Authorize | Step::Capture | Step::Refund | Step::Read(_), _) => Meaning::Error,
    }
}

/// Counts and latencies.
#[derive(Default, Clone)]
pub(crate) struct Tally {
    /// Every request but reads.
    pub(crate) requests: u64,
    pub(crate) reads: u64,
    pub(crate) ok: u64,
    pub(crate) declined: u64,
    /// By status, or by why there was none.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Statuses by operation.
    pub(crate) statuses: BTreeMap<Operation, BTreeMap<u16, u64>>,
    pub(crate) latency: BTreeMap<Operation, Latency>,
    /// Authorizations that were let in: answered 200 to 202, or declined.
    pub(crate) admitted: Latency,
    /// Authorizations that were refused for the time being: 429 and 503.
    pub(crate) refused: Latency,
    /// Refusals that said when to come again.
    pub(crate) retry_after: u64,
    /// Replays and wrong requests that were answered as they should be.
    pub(crate) as_expected: BTreeMap<Operation, u64>,
    pub(crate) flows_begun: u64,
    pub(crate) flows_completed: u64,
    pub(crate) flows_unfinished: u64,
    /// From the moment a flow was due until its payment was seen where it was meant to go.
    pub(crate) completion: Latency,
    /// First requests that were sent too long after they were due.
    pub(crate) late_starts: u64,
    /// How long after it was due each first request was sent.
    pub(crate) sent_late: Latency,
    /// When the last first request was answered, from the beginning of the load.
    pub(crate) last_answer: Duration,
    /// First requests that were answered as they should be.
    pub(crate) first_answers: u64,
}

impl Tally {
    /// One answer.
    pub(crate) fn answered(&mut self, step: Step, status: u16, retry_after: bool, took: Duration) {
        let operation = Operation::from(step);
        self.asked(operation);
        match (operation, status) {
            (Operation::Authorize, 200..=202 | 402) => self.admitted.record(took),
            (Operation::Authorize, 429 | 503) => {
                self.refused.record(took);
                self.retry_after += u64::from(retry_after);
            }
            _ => {}
        }
        *self.statuses.entry(operation).or_default().entry(status).or_default() += 1;
        self.latency.entry(operation).or_default().record(took);
        match meaning(step, status) {
            Meaning::Ok if operation == Operation::Read => {}
            Meaning::Ok => self.ok += 1,
            Meaning::Declined => self.declined += 1,
            Meaning::Expected => *self.as_expected.entry(operation).or_default() += 1,
            Meaning::Error if operation < Operation::Replay => self.error(status.to_string()),
            Meaning::Error => self.error(format!("{}-{status}", operation.name())),
        }
    }

    /// A first request has its answer, good or bad.
    pub(crate) fn first_answered(&mut self, step: Step, status: u16, since_begin: Duration) {
        self.last_answer = self.last_answer.max(since_begin);
        self.first_answers += u64::from(meaning(step, status) != Meaning::Error);
    }

    /// One request without an answer. It took as long as was waited for it, so that a stall shows.
    pub(crate) fn silent(&mut self, step: Step, silence: Silence, took: Duration) {
        let operation = Operation::from(step);
        self.asked(operation);
        self.latency.entry(operation).or_default().record(took);
        self.error(silence.name().to_owned());
    }

    fn asked(&mut self, operation: Operation) {
        if operation == Operation::Read { self.reads += 1 } else { self.requests += 1 }
    }

    fn error(&mut self, name: String) {
        *self.errors.entry(name).or_default() += 1;
    }

    /// How many errors there were.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Both together.
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.reads += other.reads;
        self.ok += other.ok;
        self.declined += other.declined;
        self.flows_begun += other.flows_begun;
        self.flows_completed += other.flows_completed;
        self.flows_unfinished += other.flows_unfinished;
        self.late_starts += other.late_starts;
        self.first_answers += other.first_answers;
        self.last_answer = self.last_answer.max(other.last_answer);
        self.retry_after += other.retry_after;
        self.admitted.add(&other.admitted);
        self.refused.add(&other.refused);
        self.completion.add(&other.completion);
        self.sent_late.add(&other.sent_late);
        add_counts(&mut self.errors, &other.errors);
        add_counts(&mut self.as_expected, &other.as_expected);
        for (operation, latency) in &other.latency {
            self.latency.entry(*operation).or_default().add(latency);
        }
        for (operation, statuses) in &other.statuses {
            add_counts(self.statuses.entry(*operation).or_default(), statuses);
        }
    }
}

fn add_counts<K: Ord + Clone>(counts: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (key, count) in more {
        *counts.entry(key.clone()).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::connection::Break;
    use super::super::flow::{Step, Wanted, Wrong};
    use super::{Silence, Tally};

    #[test]
    fn answers_are_results_or_errors() {
        for (step, status, ok, declined, expected, error) in [
            (Step::Authorize, 200, 1, 0, 0, None),
            (Step::Authorize, 202, 1, 0, 0, None),
            (Step::Authorize, 402, 0, 1, 0, None),
            (Step::Authorize, 429, 0, 0, 0, Some("429")),
            (Step::Capture, 402, 0, 0, 0, Some("402")),
            (Step::Refund, 200, 1, 0, 0, None),
            (Step::Read(Wanted::Captured), 200, 0, 0, 0, None),
            (Step::Read(Wanted::Captured), 404, 0, 0, 0, Some("404")),
            (Step::Replay { status: 402 }, 402, 0, 0, 1, None),
            (Step::Replay { status: 402 }, 200, 0, 0, 0, Some("replay-200")),
            (Step::Wrong(Wrong::KeyOfAnother), 422, 0, 0, 1, None),
            (Step::Wrong(Wrong::Cut), 200, 0, 0, 0, Some("wrong-200")),
        ] {
            let mut tally = Tally::default();
            tally.answered(step, status, true, Duration::from_millis(1));
            let seen = (tally.ok, tally.declined, tally.as_expected.values().sum::<u64>());
            assert_eq!(seen, (ok, declined, expected), "{step:?} {status}");
            let errors: Vec<&str> = tally.errors.keys().map(String::as_str).collect();
            assert_eq!(errors, error.into_iter().collect::<Vec<_>>(), "{step:?} {status}");
        }
    }

    #[test]
    fn silence_is_an_error_that_took_its_time() {
        let mut tally = Tally::default();
        tally.silent(Step::Authorize, Silence::TimedOut, Duration::from_secs(10));
        tally.silent(Step::Authorize, Silence::Broken(Break::Connect), Duration::ZERO);
        assert_eq!((tally.requests, tally.errors()), (2, 2));
        assert_eq!(tally.errors.keys().collect::<Vec<_>>(), ["connect", "timeout"]);
        let latency = tally.latency.values().next().expect("a latency");
        assert!(latency.max() >= 10_000.0);
    }

    #[test]
    fn tallies_add_up() {
        let mut one = Tally::default();
        one.answered(Step::Authorize, 200, false, Duration::from_millis(1));
        let mut other = one.clone();
        other.answered(Step::Authorize, 503, true, Duration::from_millis(3));
        one.add(&other);
        assert_eq!((one.requests, one.ok, one.errors()), (3, 2, 1));
        assert_eq!(one.latency.values().next().map(super::Latency::count), Some(3));
        assert_eq!((one.admitted.count(), one.refused.count(), one.retry_after), (2, 1, 1));
    }
}
