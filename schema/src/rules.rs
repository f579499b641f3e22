//! The numbers behind the rules: limits, ages and delays an operator may configure.
//!
//! Owns their defaults. Never applies them; [`crate::decide`] does.

use std::time::Duration;

/// Settings of the money rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Negatives the PG may record for an operation before it is dead-lettered, the first included.
    pub max_tries: u32,
    /// Delay before the second try; doubles with each try.
    pub retry_base: Duration,
    /// Longest delay between tries.
    pub retry_max: Duration,
    /// A READY older than this is cancelled.
    pub authorize_max_age: Duration,
    /// How long a hold lasts when the PG does not say.
    pub hold_expiry: Duration,
    /// How long the PG remembers a key; afterwards an unknown outcome is only queried, never sent again.
    pub key_memory: Duration,
    /// Delay before the first question about an unknown outcome; doubles with each question.
    pub query_initial: Duration,
    /// Longest delay between questions.
    pub query_max: Duration,
    /// How long an attempt under way is left alone by sweeps.
    pub lease: Duration,
    /// A refund without key that equals one accepted this recently is taken for the same.
    pub refund_twin_window: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_tries: 10,
            retry_base: Duration::from_millis(500),
            retry_max: Duration::from_secs(15),
            authorize_max_age: Duration::from_secs(5 * 60),
            hold_expiry: Duration::from_secs(7 * 24 * 60 * 60),
            key_memory: Duration::from_secs(24 * 60 * 60),
            query_initial: Duration::from_secs(1),
            query_max: Duration::from_secs(15),
            lease: Duration::from_secs(30),
            refund_twin_window: Duration::from_secs(10 * 60),
        }
    }
}

/// A random share of a delay, 0.0 … 1.0, drawn by the caller from its seeded source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(pub f64);

/// The `step`-th delay (counted from 0) of an exponential backoff without jitter.
#[must_use]
pub fn doubling(initial: Duration, longest: Duration, step: u32) -> Duration {
    initial.checked_mul(1_u32.checked_shl(step).unwrap_or(u32::MAX)).unwrap_or(longest).min(longest)
}

impl Rules {
    /// The delay before the try that follows the `negatives`-th negative: doubling with full jitter
    /// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
    #[must_use]
    pub fn retry_delay(&self, negatives: u32, jitter: Jitter) -> Duration {
        doubling(self.retry_base, self.retry_max, negatives.saturating_sub(1))
            .mul_f64(jitter.0.clamp(0.0, 1.0))
    }

    /// The delay before the next question about an unknown outcome, after `questions` without an end.
    #[must_use]
    pub fn query_delay(&self, questions: u32) -> Duration {
        doubling(self.query_initial, self.query_max, questions)
    }
}
