//! The store's write path: group commits of decisions.
//!
//! Only the journal writes payments, and only through here. One call is one transaction.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use payment_schema::dead_letter::LetterChange;
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{EventId, MerchantId, OperationNo, PaymentId, Slot, TraceId, Version};
use payment_schema::operation::Operation;
use payment_schema::payment::{Due, Payment};
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use payment_schema::transition::Transition;

use super::StoreError;
use super::databases::Databases;

/// One payment's change: commits whole or not at all, independent of its neighbours in the batch.
#[derive(Debug, Clone)]
pub struct Append {
    /// The payment afterwards.
    pub payment: Arc<Payment>,
    /// The version it was decided on; [`Version::NONE`] for a new payment. The store refuses the change when the
    /// payment is elsewhere (the fence: primary key (payment_id, version) of the transitions).
    pub expected: Version,
    /// Told apart from another writer's commit of the same version when an answer was lost; random per append.
    pub token: u64,
    /// The steps; empty when only a key or a letter is recorded.
    pub transitions: Vec<Transition>,
    /// What the outbox publishes, in order.
    pub outbox: Vec<OutboxRecord>,
    /// Dead letters opened and closed.
    pub letters: Vec<LetterChange>,
    /// A key that becomes taken.
    pub key: Option<KeyClaim>,
    /// Answers to store under keys of this payment's merchant; a key that has an answer keeps it.
    pub answers: Vec<(IdempotencyKey, Answer)>,
    /// Captures (for `settlement_request`), refunds and voids (for `refund_request`) that changed.
    pub requests: Vec<Operation>,
    /// When a sweep must look at the payment, should everybody forget it.
    pub due: Option<Due>,
    /// The operator's act that caused the change.
    pub audit: Option<AuditEntry>,
}

/// A key to be taken by a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyClaim {
    /// The key.
    pub key: IdempotencyKey,
    /// The command's fingerprint.
    pub fingerprint: Fingerprint,
    /// `authorize`, `capture`, `refund` or `cancel`.
    pub operation: &'static str,
}

/// A key that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The fingerprint of the command that took it.
    pub fingerprint: Fingerprint,
    /// The payment it belongs to.
    pub payment_id: PaymentId,
    /// `authorize`, `capture`, `refund` or `cancel`.
    pub operation: String,
    /// The stored answer, once there is one.
    pub answer: Option<Answer>,
}

/// One record to publish: an event, or the publication of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRecord {
    /// The same whenever it is published again.
    pub event_id: EventId,
    /// The payment whose id is the record's key.
    pub payment_id: PaymentId,
    /// Its place among the payment's events; `None` for a dead letter, which has no place in that order.
    pub event_seq: Option<u64>,
    /// Where it goes.
    pub topic: Topic,
    /// The value.
    pub payload: Bytes,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// When it was committed.
    pub at: Timestamp,
}

impl OutboxRecord {
    /// What finds its row.
    #[must_use]
    pub fn key(&self) -> OutboxKey {
        OutboxKey { payment_id: self.payment_id, event_seq: self.event_seq, event_id: self.event_id }
    }
}

/// Names a record of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxKey {
    /// The record's payment.
    pub payment_id: PaymentId,
    /// Its place among the payment's events; `None` for a dead letter.
    pub event_seq: Option<u64>,
    /// Its identity.
    pub event_id: EventId,
}

impl OutboxKey {
    /// What tells a payment's records apart in a table: an event's number, and for a dead letter a number below zero
    /// out of its identity. Rows found by payment and place are neighbours, those found by their identities are
    /// scattered over everything that was ever written.
    #[must_use]
    pub fn place(&self) -> i64 {
        match self.event_seq {
            Some(seq) => i64::try_from(seq).unwrap_or(i64::MAX),
            None => self.event_id.0.as_u64_pair().0.cast_signed() | i64::MIN,
        }
    }
}

/// An operator's act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// A UUID (version 7) as text.
    pub id: String,
    /// Who: the operator key's name, or `local`.
    pub who: String,
    /// What: `restart`, `kill`, `pause`, `resume`, `replay`, `discard`, `resolve`, `breaker-state`, …
    pub what: String,
    /// On what: a path, a letter, a payment.
    pub target: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: String,
}

/// What became of one append of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Durable.
    Committed,
    /// The payment is not at the expected version: somebody else moved it. Nothing of this append was done.
    VersionConflict,
    /// The key belongs to another command. Nothing of this append was done.
    KeyTaken(KeyRecord),
}

/// What to look up after a commit's answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMark {
    /// The payment.
    pub payment_id: PaymentId,
    /// The version of the append's last transition; its row carries the token.
    pub version: Version,
    /// The append's token.
    pub token: u64,
    /// The key the append took, for appends without a transition.
    pub key: Option<(MerchantId, IdempotencyKey)>,
    /// The letter the append opened, for appends without a transition or key.
    pub letter_id: Option<String>,
    /// The operation of the append's first transition, for logs.
    pub operation_no: Option<OperationNo>,
}

impl Append {
    /// What to look up, should this append's commit not be confirmed.
    #[must_use]
    pub fn mark(&self) -> CommitMark {
        CommitMark {
            payment_id: self.payment.id,
            version: self.payment.version,
            token: self.token,
            key: self.key.as_ref().map(|claim| (self.payment.merchant_id.clone(), claim.key.clone())),
            letter_id: self.letters.iter().find_map(|change| match change {
                LetterChange::Open(letter) => Some(letter.id.clone()),
                LetterChange::Close { .. } => None,
            }),
            operation_no: self.transitions.first().map(|transition| transition.operation_no),
        }
    }
}

/// Group commits.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Commits a batch in one durable transaction; conflicting appends drop out alone. The batch holds at most one
    /// append of a payment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing was committed, [`StoreError::OutcomeUnknown`] when that cannot be told.
    async fn append(&self, batch: &[Append]) -> Result<Vec<AppendOutcome>, StoreError>;

    /// Whether each of these appends is durable: its last version's row carries its token, or, without a
    /// transition, its key or letter exists.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn committed(&self, marks: &[CommitMark]) -> Result<Vec<bool>, StoreError>;

    /// Reserves `count` payment sequence numbers that nobody else gets for any slot of the same database, durably.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn reserve_sequences(&self, slot: Slot, count: u64) -> Result<Range<u64>, StoreError>;

    /// Where payments are kept; never changes. A batch of appends of one database is committed whatever becomes of the
    /// others.
    fn databases(&self) -> Databases {
        Databases::one()
    }
}
