//! What operators read and write: dead letters, audit, totals.

use async_trait::async_trait;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::PaymentId;
use payment_schema::operation::OperationKind;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;

use super::StoreError;
use super::journal_store::AuditEntry;

/// Totals of one kind of operation, from its request rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationTotals {
    /// Accepted ever.
    pub total: u64,
    /// The PG approved.
    pub approved: u64,
    /// Open, an attempt under way or planned.
    pub open: u64,
    /// Open, with an open dead letter.
    pub dead_lettered: u64,
    /// Given up or superseded.
    pub given_up: u64,
    /// Open, and requested before the moment asked about.
    pub delayed: u64,
}

/// Reads and writes for operators.
#[async_trait]
pub trait OperatorStore: Send + Sync {
    /// Dead letters of a topic, newest first, ids below the cursor's position; each with its position.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn dead_letters(
        &self,
        topic: Topic,
        status: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, StoreError>;

    /// One dead letter.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError>;

    /// Writes dead letters of records (`payment.dlq`); one whose id exists is left as it is.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn put_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), StoreError>;

    /// Closes an open dead letter of a record; says whether it was open.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn close_dead_letter(
        &self,
        id: &str,
        status: LetterStatus,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// How many dead letters are open, per topic.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, StoreError>;

    /// Keeps an operator's act.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn write_audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Operators' acts, newest first, behind a position; each with its position.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, StoreError>;

    /// Totals of an operation kind; `delayed` counts open ones requested before `delayed_before`.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn operation_totals(
        &self,
        kind: OperationKind,
        delayed_before: Timestamp,
    ) -> Result<OperationTotals, StoreError>;

    /// How many payments are in each state, in the order of [`payment_schema::status::Status::ALL`].
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn status_counts(&self) -> Result<Vec<u64>, StoreError>;

    /// Open operations' payments with the oldest untouched first, for views of what is stuck.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn oldest_open(&self, limit: u32) -> Result<Vec<PaymentId>, StoreError>;

    /// Whether the store answers; the cheapest question there is.
    ///
    /// # Errors
    /// When it does not.
    async fn ping(&self) -> Result<(), StoreError>;
}
