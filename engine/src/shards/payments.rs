//! [`PaymentStore`] and [`LedgerStore`] on several databases.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use futures_util::future::join_all;
use payment_actors::ports::journal_store::KeyRecord;
use payment_actors::ports::ledger_store::{LedgerStore, PostOutcome};
use payment_actors::ports::payment_store::{PaymentFilter, PaymentStore};
use payment_actors::ports::{Store, StoreError};
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::ledger::{LedgerEntry, Movement};
use payment_schema::payment::{DueKind, Payment};
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use payment_schema::transition::Transition;

use super::{Part, ShardedStore, all, asking, put_together};

#[async_trait]
impl<S: Store> PaymentStore for ShardedStore<S> {
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        asking!(self.keeping(id.slot()), |store| store.payment(id))
    }

    async fn payment_with_entries(
        &self,
        id: PaymentId,
    ) -> Result<Option<(Payment, Vec<LedgerEntry>)>, StoreError> {
        asking!(self.keeping(id.slot()), |store| store.payment_with_entries(id))
    }

    async fn key(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, StoreError> {
        asking!(self.keeping(merchant_id.slot()), |store| store.key(merchant_id, key))
    }

    async fn ledger_entries(&self, id: PaymentId) -> Result<Vec<LedgerEntry>, StoreError> {
        asking!(self.keeping(id.slot()), |store| store.ledger_entries(id))
    }

    async fn history(&self, id: PaymentId) -> Result<Vec<Transition>, StoreError> {
        asking!(self.keeping(id.slot()), |store| store.history(id))
    }

    async fn list(&self, filter: &PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, StoreError> {
        asking!(self.keeping(filter.merchant_id.slot()), |store| store.list(filter))
    }

    /// From one database after the other, each sweep beginning with another one. What was claimed is a lease and must
    /// be told, so a database that does not answer is an error only when the others have nothing.
    async fn claim_due(
        &self,
        kinds: &[DueKind],
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<PaymentId>, StoreError> {
        let first = self.next_sweep.fetch_add(1, Ordering::Relaxed);
        let (mut claimed, mut failed) = (Vec::new(), None);
        for turn in 0..self.shards.len() {
            let left = limit.saturating_sub(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
            if left == 0 {
                break;
            }
            let shard = self.shard((first.wrapping_add(turn)) % self.shards.len());
            match asking!(shard, |store| store.claim_due(kinds, now, lease_until, left)) {
                Ok(more) => claimed.extend(more),
                Err(error) => {
                    tracing::warn!(cause = %error, "sweep goes on without a database");
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if claimed.is_empty() => Err(error),
            _ => Ok(claimed),
        }
    }
}

#[async_trait]
impl<S: Store> LedgerStore for ShardedStore<S> {
    async fn post(&self, movements: &[Movement], at: Timestamp) -> Result<Vec<PostOutcome>, StoreError> {
        let parts = self.parts(movements, |movement| Some(movement.payment_id.slot()));
        let posted = parts.into_iter().map(|Part { shard, places, items }| async move {
            let outcomes = asking!(shard, |store| store.post(&items, at))?;
            Ok((places, outcomes))
        });
        all(join_all(posted).await).map(put_together)
    }
}
