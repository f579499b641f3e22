//! The store's ledger.

use async_trait::async_trait;
use payment_schema::ledger::Movement;
use payment_schema::time::Timestamp;

use super::StoreError;

/// What became of one movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostOutcome {
    /// Both rows are durable.
    Posted,
    /// The same movement (operation, event, amount, accounts) was posted before; nothing changed.
    AlreadyPosted,
    /// Another movement is posted for this operation or event; nothing changed.
    Contradiction,
    /// No such payment; nothing changed.
    UnknownPayment,
}

/// Posts double entries.
#[async_trait]
pub trait LedgerStore: Send + Sync {
    /// Posts movements in one durable transaction, a debit and a credit row each; unique per (payment, operation,
    /// side) and (event, side).
    ///
    /// # Errors
    /// When nothing was committed or that cannot be told; posting again is safe either way.
    async fn post(&self, movements: &[Movement], at: Timestamp) -> Result<Vec<PostOutcome>, StoreError>;
}
