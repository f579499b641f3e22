//! Thresholds: `p95<100ms`, `errors<1%`.
//!
//! Owns their reading and judging.

use std::str::FromStr;
use std::time::Duration;

/// What a threshold looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Subject {
    /// A percentile of the latency, in milliseconds at most.
    Percentile(f64),
    /// The share of errors, in percent at most.
    Errors,
}

/// One threshold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expectation {
    text: String,
    subject: Subject,
    limit: f64,
}

/// Figures a threshold is held against.
pub(crate) trait Figures {
    /// The latency at a percentile, in milliseconds.
    fn percentile_ms(&self, percentile: f64) -> f64;
    /// The share of errors, in percent.
    fn errors_percent(&self) -> f64;
}

impl Expectation {
    /// Why the threshold is missed; `None` when it holds.
    pub(crate) fn missed(&self, figures: &impl Figures) -> Option<String> {
        let seen = match self.subject {
            Subject::Percentile(percentile) => figures.percentile_ms(percentile),
            Subject::Errors => figures.errors_percent(),
        };
        (seen >= self.limit).then(|| format!("{} does not hold: {seen:.2}", self.text))
    }
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("{text} is no threshold; write one like p95<100ms or errors<1%");
        let (name, limit) = text.split_once('<').ok_or_else(form)?;
        let subject = match name.trim() {
            "errors" => Subject::Errors,
            "p50" => Subject::Percentile(50.0),
            "p95" => Subject::Percentile(95.0),
            "p99" => Subject::Percentile(99.0),
            "p999" => Subject::Percentile(99.9),
            "max" => Subject::Percentile(100.0),
            _ => return Err(form()),
        };
        let limit = match subject {
            Subject::Errors => limit.trim().trim_end_matches('%').parse().map_err(|_| form())?,
            Subject::Percentile(_) => {
                let limit: Duration = humantime::parse_duration(limit.trim()).map_err(|_| form())?;
                limit.as_secs_f64() * 1_000.0
            }
        };
        Ok(Self { text: text.to_owned(), subject, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::{Expectation, Figures};

    struct Seen;

    impl Figures for Seen {
        fn percentile_ms(&self, percentile: f64) -> f64 {
            percentile
        }

        fn errors_percent(&self) -> f64 {
            1.5
        }
    }

    #[test]
    fn thresholds_hold_or_are_missed() {
        for (text, holds) in [
            ("p95<100ms", true),
            ("p95<95ms", false),
            ("p50<51ms", true),
            ("errors<1%", false),
            ("errors<2%", true),
            ("p999<1s", true),
        ] {
            let expectation: Expectation = text.parse().expect("a threshold");
            assert_eq!(expectation.missed(&Seen).is_none(), holds, "{text}");
        }
        for text in ["p95", "p95<fast", "speed<1", "errors<few"] {
            assert!(text.parse::<Expectation>().is_err(), "{text}");
        }
    }
}
