//! Thresholds: `p95<100ms`, `errors<1%`.
//!
//! Owns their reading and judging.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outcome::LoadResult;
use super::percentiles::Percentiles;

/// What a threshold looks at.
#[derive(Debug, Clone, PartialEq)]
enum Subject {
    /// A percentile of an operation's latency or of the completion of flows, in milliseconds.
    Latency { of: Option<String>, percentile: &'static str },
    /// The share of errors among requests, in percent.
    Errors,
    /// The share of declines among requests, in percent.
    Declined,
    /// The share of flows that were completed, in percent.
    Completed,
    /// First requests answered per second.
    Achieved,
    /// The same, in percent of those asked for.
    AchievedShare,
    /// Seconds from the end of the load until every event was published.
    Backlog,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// One threshold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expectation {
    text: String,
    subject: Subject,
    comparison: Comparison,
    limit: f64,
}

/// A threshold and what it was held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The threshold as it was written.
    pub(crate) expected: String,
    /// In the threshold's unit; null when nothing of it was seen.
    pub(crate) seen: Option<f64>,
    /// Whether it holds. What was not seen does not.
    pub(crate) holds: bool,
}

const PERCENTILES: [&str; 5] = ["p50", "p95", "p99", "p999", "max"];

impl Expectation {
    /// Judges a result.
    pub(crate) fn judge(&self, result: &LoadResult) -> Verdict {
        let seen = self.seen(result);
        let holds = seen.is_some_and(|seen| match self.comparison {
            Comparison::Below => seen < self.limit,
            Comparison::AtMost => seen <= self.limit,
            Comparison::Above => seen > self.limit,
            Comparison::AtLeast => seen >= self.limit,
        });
        Verdict { expected: self.text.clone(), seen, holds }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a load are far below 2^53")]
    fn seen(&self, result: &LoadResult) -> Option<f64> {
        let percent = |part: u64, of: u64| (of > 0).then(|| part as f64 * 100.0 / of as f64);
        match &self.subject {
            Subject::Latency { of: Some(name), percentile } if name == "completion" => {
                (result.flows_completed > 0).then(|| result.completion_ms.named(percentile))
            }
            Subject::Latency { of, percentile } => {
                let operation = of.as_deref().unwrap_or("authorize");
                result.latency_ms.get(operation).map(|seen: &Percentiles| seen.named(percentile))
            }
            Subject::Errors => percent(result.errors.values().sum(), result.requests),
            Subject::Declined => percent(result.declined, result.requests),
            Subject::Completed => percent(result.flows_completed, result.flows_begun),
            Subject::Achieved => Some(result.achieved),
            Subject::AchievedShare => Some(result.achieved * 100.0 / result.asked),
            Subject::Backlog => result.backlog.as_ref()?.empty_after_s,
        }
    }
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "{text} is no threshold; write one like p95<100ms, capture.p99<50ms, completion.p95<5s, errors<1%, \
                 declined<=1%, completed>99%, achieved>390, achieved>=99% or backlog<10s"
            )
        };
        let at = text.find(['<', '>']).ok_or_else(form)?;
        let (name, rest) = text.split_at(at);
        let (comparison, limit) = comparison(rest).ok_or_else(form)?;
        let (subject, limit) = subject(name.trim(), limit.trim()).ok_or_else(form)?;
        Ok(Self { text: text.trim().to_owned(), subject, comparison, limit })
    }
}

fn comparison(text: &str) -> Option<(Comparison, &str)> {
    let signs = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Below),
        (">", Comparison::Above),
    ];
    signs.into_iter().find_map(|(sign, comparison)| Some((comparison, text.strip_prefix(sign)?)))
}

/// What is looked at, and the limit in its unit.
fn subject(name: &str, limit: &str) -> Option<(Subject, f64)> {
    let percent = || limit.strip_suffix('%').unwrap_or(limit).trim().parse::<f64>().ok();
    let duration = || humantime::parse_duration(limit).ok().as_ref().map(Duration::as_secs_f64);
    let (of, last) = name.rsplit_once('.').map_or((None, name), |(of, last)| (Some(of), last));
    if let Some(percentile) = PERCENTILES.into_iter().find(|known| *known == last) {
        let known = [
            "authorize",
            "admitted",
            "refused",
            "capture",
            "refund",
            "read",
            "replay",
            "wrong",
            "completion",
        ];
        if of.is_some_and(|of| !known.contains(&of)) {
            return None;
        }
        let subject = Subject::Latency { of: of.map(str::to_owned), percentile };
        return Some((subject, duration()? * 1_000.0));
    }
    let pair = match name {
        "errors" => (Subject::Errors, percent()?),
        "declined" => (Subject::Declined, percent()?),
        "completed" => (Subject::Completed, percent()?),
        "achieved" if limit.ends_with('%') => (Subject::AchievedShare, percent()?),
        "achieved" => (Subject::Achieved, limit.parse().ok()?),
        "backlog" => (Subject::Backlog, duration()?),
        _ => return None,
    };
    Some(pair)
}

#[cfg(test)]
mod tests {
    use super::super::outcome::tests::sample;
    use super::Expectation;

    #[test]
    fn thresholds_hold_or_are_missed() {
        // The sample: 1,000 requests asked at 100/s and answered at 98/s; 15 errors, 5 declined, 900 of 950 flows
        // completed; authorize p50 1 ms, p95 2 ms, p99 3 ms, p999 4 ms, max 5 ms; completion ten times that;
        // backlog empty after 3 s.
        for (text, holds) in [
            ("p95<100ms", true),
            ("p95<2ms", false),
            ("p95<=2ms", true),
            ("authorize.p99<4ms", true),
            ("completion.p99<4ms", false),
            ("completion.p50<=10ms", true),
            ("capture.p50<1s", false),
            ("p999<1s", true),
            ("max>4ms", true),
            ("errors<1%", false),
            ("errors <= 1.5%", true),
            ("declined<1%", true),
            ("completed>94%", true),
            ("completed>95%", false),
            ("achieved>97", true),
            ("achieved>=99%", false),
            ("achieved>=98%", true),
            ("backlog<10s", true),
            ("backlog<1s", false),
        ] {
            let expectation: Expectation = text.parse().expect(text);
            let verdict = expectation.judge(&sample());
            assert_eq!(verdict.holds, holds, "{text}: {verdict:?}");
        }
    }

    #[test]
    fn what_is_no_threshold_is_refused() {
        for text in
            ["p95", "p95<fast", "p97<1ms", "speed<1", "errors<few", "errors=1%", "backlog<1", "x.p50<1ms", ""]
        {
            assert!(text.parse::<Expectation>().is_err(), "{text}");
        }
    }
}
