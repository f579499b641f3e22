//! The store's outbox: committed records until they are published.

use async_trait::async_trait;
use payment_schema::ids::PaymentId;
use payment_schema::time::Timestamp;

use super::StoreError;
use super::journal_store::{OutboxKey, OutboxRecord};

/// Reads and marks outbox rows.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Unpublished records of a database (of [`super::journal_store::JournalStore::databases`]) behind the position
    /// `after` (0 for the start), each with its position, lowest first. Within one payment, positions rise with `event_seq`. Across payments they need not rise with the commits: a
    /// record may appear at a position that an earlier answer had passed. One answer shows one moment.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn unpublished(
        &self,
        database: usize,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, OutboxRecord)>, StoreError>;

    /// Unpublished events of one payment with a lower `event_seq` than `below`, lowest first.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn unpublished_before(&self, id: PaymentId, below: u64) -> Result<Vec<OutboxRecord>, StoreError>;

    /// Marks records of a database as published; marking twice changes nothing.
    ///
    /// # Errors
    /// When the store cannot be asked; the records may then be published again.
    async fn mark_published(
        &self,
        database: usize,
        records: &[OutboxKey],
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Deletes at most `limit` records that were published before `before`; says how many.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn prune_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// How many records wait, and since when the oldest does.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError>;
}
