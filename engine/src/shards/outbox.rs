//! [`OutboxStore`] on several databases. The outbox's lanes serve one database each.

use async_trait::async_trait;
use payment_actors::ports::journal_store::{OutboxKey, OutboxRecord};
use payment_actors::ports::outbox_store::OutboxStore;
use payment_actors::ports::{Store, StoreError};
use payment_schema::ids::PaymentId;
use payment_schema::time::Timestamp;

use super::{ShardedStore, all, asking, asking_all};

/// What a database of its own is called by itself.
const ITSELF: usize = 0;

#[async_trait]
impl<S: Store> OutboxStore for ShardedStore<S> {
    async fn unpublished(
        &self,
        database: usize,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, OutboxRecord)>, StoreError> {
        asking!(self.shard(database), |store| store.unpublished(ITSELF, after, limit))
    }

    async fn unpublished_before(&self, id: PaymentId, below: u64) -> Result<Vec<OutboxRecord>, StoreError> {
        asking!(self.keeping(id.slot()), |store| store.unpublished_before(id, below))
    }

    async fn mark_published(
        &self,
        database: usize,
        records: &[OutboxKey],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        asking!(self.shard(database), |store| store.mark_published(ITSELF, records, at))
    }

    /// From one database after the other; one that does not answer keeps its rows for now.
    async fn prune_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let (mut pruned, mut failed) = (0, None);
        for shard in self.shards.iter() {
            let left = u64::from(limit).saturating_sub(pruned);
            let left = u32::try_from(left).expect("less than the limit is left");
            match asking!(shard, |store| store.prune_published(before, left)) {
                Ok(more) => pruned += more,
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if pruned == 0 => Err(error),
            _ => Ok(pruned),
        }
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        let backlogs = all(asking_all!(self, |store| store.backlog()))?;
        let pending = backlogs.iter().map(|(pending, _)| pending).sum();
        Ok((pending, backlogs.into_iter().filter_map(|(_, oldest)| oldest).min()))
    }
}
