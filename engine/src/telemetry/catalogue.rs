//! Every metric there is.
//!
//! Owns names, labels and meanings; dashboards, alerts and `docs/operations.md` rely on them. Every label has a
//! bounded set of values: never a payment, a merchant or a key.

/// What a metric counts like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name, the unit in it.
    pub name: &'static str,
    /// What it counts like.
    pub kind: Kind,
    /// The labels of its series.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

const CALL: Kind = Kind::Histogram(&[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
]);
const MESSAGE: Kind = Kind::Histogram(&[0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.1, 1.0]);
const COMPLETION: Kind = Kind::Histogram(&[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0,
]);
const BATCH: Kind = Kind::Histogram(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0]);

macro_rules! catalogue {
    ($($constant:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: Metric =
                Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };
        )+

        /// Every metric, the process's own excepted.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

catalogue! {
    REQUESTS = "payment_requests_total", Kind::Counter, ["operation", "outcome"],
        "Requests to the payments API, by how they were answered.";
    REQUEST_DURATION = "payment_request_duration_seconds", CALL, ["operation"],
        "How long requests to the payments API took.";
    REQUESTS_IN_FLIGHT = "http_requests_in_flight", Kind::Gauge, [],
        "Requests being worked on.";
    TRANSITIONS = "payment_transitions_total", Kind::Counter, ["from", "to"],
        "Committed transitions; from is empty for the first.";
    COMPLETION_TIME = "payment_completion_seconds", COMPLETION, ["operation"],
        "From an operation's request to a resting or terminal state.";
    LIVE_PAYMENTS = "payment_actors_live", Kind::Gauge, [],
        "Payments that have an actor in memory.";
    RESTARTS = "actor_restarts_total", Kind::Counter, ["kind"],
        "Restarts of actors.";
    MAILBOX_DEPTH = "actor_mailbox_depth", Kind::Gauge, ["kind"],
        "Messages waiting in mailboxes.";
    MESSAGE_DURATION = "actor_message_duration_seconds", MESSAGE, ["kind"],
        "How long actors took for a message.";
    BATCH_RECORDS = "journal_batch_records", BATCH, [],
        "Appends per committed transaction.";
    COMMIT_DURATION = "journal_commit_duration_seconds", CALL, [],
        "How long commits took.";
    CONFLICTS = "journal_conflicts_total", Kind::Counter, [],
        "Appends refused by the version fence.";
    OUTBOX_PENDING = "outbox_pending", Kind::Gauge, [],
        "Committed records not yet published.";
    OUTBOX_AGE = "outbox_oldest_age_seconds", Kind::Gauge, [],
        "How long the oldest of them has waited.";
    PUBLISHED = "outbox_published_total", Kind::Counter, ["topic"],
        "Published records.";
    BREAKER_STATE = "circuit_breaker_state", Kind::Gauge, ["name"],
        "CLOSED 0, OPEN 1, HALF_OPEN 2, DISABLED 3, FORCED_OPEN 4, FORCED_HALF_OPEN 5.";
    BREAKER_CALLS = "circuit_breaker_calls_total", Kind::Counter, ["name", "outcome"],
        "Calls as the breakers judged them.";
    PG_DURATION = "pg_request_duration_seconds", CALL, ["operation", "outcome"],
        "How long exchanges with the payment gateway took, by what they found out.";
    SETTLEMENTS = "settlement_requests_total", Kind::Counter, ["outcome"],
        "Captures: accepted, approved, failed tries, further tries, given up.";
    REFUNDS = "refund_requests_total", Kind::Counter, ["outcome"],
        "Refunds: accepted, approved, failed tries, further tries, given up.";
    DEAD_LETTERS = "dead_letters_total", Kind::Counter, ["topic"],
        "Dead letters written.";
    LEDGER_ENTRIES = "ledger_entries_total", Kind::Counter, [],
        "Ledger rows posted.";
    CONSUMER_LAG = "consumer_lag_records", Kind::Gauge, ["topic"],
        "Records that wait for a consumer.";
    RATE_LIMITED = "rate_limited_total", Kind::Counter, ["operation"],
        "Requests refused because their merchant had used up its share.";
    LIMITER_FALLBACK = "rate_limiter_fallback_total", Kind::Counter, [],
        "Times the limiter had to decide without its backing.";
    REPLAYS = "idempotent_replays_total", Kind::Counter, [],
        "Requests answered with an earlier command's answer.";
    INVARIANTS_BROKEN = "invariants_broken_total", Kind::Counter, ["invariant"],
        "Invariants seen broken; anything but zero needs a person.";
}

/// The table of all metrics as `docs/operations.md` shows it.
#[must_use]
pub fn markdown() -> String {
    let mut table = String::from("| metric | kind | labels | what |\n|---|---|---|---|\n");
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels = if metric.labels.is_empty() { "–".to_owned() } else { metric.labels.join(", ") };
        table.push_str(&format!("| `{}` | {kind} | {labels} | {} |\n", metric.name, metric.help));
    }
    table
}
