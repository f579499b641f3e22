//! The store's reads: payments, keys, history, and who is due.

use async_trait::async_trait;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::ledger::LedgerEntry;
use payment_schema::payment::{DueKind, Payment};
use payment_schema::status::Status;
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use payment_schema::transition::Transition;

use super::StoreError;
use super::journal_store::KeyRecord;

/// Which payments of a merchant to list, newest (highest id) first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFilter {
    /// The merchant.
    pub merchant_id: MerchantId,
    /// Only these states; `None` for all.
    pub status: Option<Status>,
    /// Created at or after.
    pub from: Option<Timestamp>,
    /// Created before.
    pub to: Option<Timestamp>,
    /// Only ids below this one: the cursor.
    pub below: Option<PaymentId>,
    /// At most so many.
    pub limit: u32,
}

/// Reads payments.
#[async_trait]
pub trait PaymentStore: Send + Sync {
    /// The payment as last committed.
    ///
    /// # Errors
    /// When the store cannot be asked or holds something unreadable.
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError>;

    /// The payment as last committed, and its movements, oldest first, one per operation. A store need not look for
    /// movements of a payment of which nothing was captured: there is none.
    ///
    /// # Errors
    /// When the store cannot be asked or holds something unreadable.
    async fn payment_with_entries(
        &self,
        id: PaymentId,
    ) -> Result<Option<(Payment, Vec<LedgerEntry>)>, StoreError>;

    /// Who took the key.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn key(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, StoreError>;

    /// The payment's movements, oldest first, one per operation.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn ledger_entries(&self, id: PaymentId) -> Result<Vec<LedgerEntry>, StoreError>;

    /// The payment's transitions, oldest first.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn history(&self, id: PaymentId) -> Result<Vec<Transition>, StoreError>;

    /// One page of a merchant's payments with their movements (of those that were captured), highest id first.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn list(&self, filter: &PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, StoreError>;

    /// Claims payments whose due moment of one of these kinds has passed: moves their due moment to
    /// `lease_until`, so that no other sweep takes them meanwhile.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn claim_due(
        &self,
        kinds: &[DueKind],
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<PaymentId>, StoreError>;
}
