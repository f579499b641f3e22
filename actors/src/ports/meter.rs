//! Measurements that actors give away.
//!
//! Owns their vocabulary. Where they go (a Prometheus page, a list in a test) is the adapter's business.

use std::time::Duration;

use payment_schema::operation::OperationKind;
use payment_schema::status::Status;
use payment_schema::topic::Topic;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// A transition was committed.
    Transition {
        /// The state before.
        from: Option<Status>,
        /// The state after.
        to: Status,
    },
    /// An operation came from request to a resting or terminal state.
    Completed {
        /// The operation.
        operation: OperationKind,
        /// How long it took.
        took: Duration,
    },
    /// How many payment actors live in one shard.
    LivePayments {
        /// The shard.
        shard: usize,
        /// How many.
        live: usize,
    },
    /// A journal batch was committed.
    JournalBatch {
        /// How many appends it had.
        records: usize,
        /// How long the commit took.
        took: Duration,
    },
    /// An append was refused by the version fence.
    JournalConflict,
    /// Records wait to be published.
    OutboxBacklog {
        /// How many.
        pending: u64,
        /// How long the oldest has waited.
        oldest: Duration,
    },
    /// A record was published.
    Published(Topic),
    /// A breaker changed its state; the code of the state.
    BreakerState {
        /// The breaker.
        name: &'static str,
        /// CLOSED 0, OPEN 1, HALF_OPEN 2, DISABLED 3, FORCED_OPEN 4, FORCED_HALF_OPEN 5.
        code: u8,
    },
    /// A breaker saw a call.
    BreakerCall {
        /// The breaker.
        name: &'static str,
        /// `success`, `failure`, `slow-success`, `slow-failure` or `not-permitted`.
        outcome: &'static str,
    },
    /// An exchange with the PG ended.
    PgRequest {
        /// The operation.
        operation: OperationKind,
        /// `approved`, `declined`, `failed`, `unknown`, `unsent`, `processing`, `not-seen` or `mismatch`.
        outcome: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// A dead letter was written.
    DeadLetter(Topic),
    /// Ledger rows were posted.
    LedgerEntries(u64),
    /// Records wait for a consumer.
    ConsumerLag {
        /// The topic.
        topic: Topic,
        /// How many.
        records: u64,
    },
    /// A stored answer was replayed.
    IdempotentReplay,
    /// An invariant was seen broken.
    InvariantBroken(payment_schema::invariant::Invariant),
}

/// Takes measurements.
pub trait Meter: Send + Sync {
    /// Takes one.
    fn record(&self, measure: Measure);
}
