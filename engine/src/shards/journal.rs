//! [`JournalStore`] on several databases.
//!
//! The journal's lanes serve one database each, so a batch is usually for one. One for several is committed by each for
//! itself.

use std::ops::Range;

use async_trait::async_trait;
use futures_util::future::join_all;
use payment_actors::ports::databases::Databases;
use payment_actors::ports::journal_store::{Append, AppendOutcome, CommitMark, JournalStore};
use payment_actors::ports::{Store, StoreError};
use payment_schema::ids::Slot;

use super::{Part, ShardedStore, all, asking, put_together};

#[async_trait]
impl<S: Store> JournalStore for ShardedStore<S> {
    async fn append(&self, batch: &[Append]) -> Result<Vec<AppendOutcome>, StoreError> {
        if let Some(database) = self.only_database(batch, |append| append.payment.id.slot()) {
            return asking!(self.shard(database), |store| store.append(batch));
        }
        let parts = self.parts(batch, |append| Some(append.payment.id.slot()));
        let committed = parts.into_iter().map(|Part { shard, places, items }| async move {
            let outcomes = asking!(shard, |store| store.append(&items))?;
            Ok((places, outcomes))
        });
        let answers = join_all(committed).await;
        let nothing_done = answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_))));
        match all(answers) {
            Err(StoreError::Unavailable(cause)) if !nothing_done => Err(StoreError::OutcomeUnknown(cause)),
            answers => answers.map(put_together),
        }
    }

    async fn committed(&self, marks: &[CommitMark]) -> Result<Vec<bool>, StoreError> {
        if let Some(database) = self.only_database(marks, |mark| mark.payment_id.slot()) {
            return asking!(self.shard(database), |store| store.committed(marks));
        }
        let parts = self.parts(marks, |mark| Some(mark.payment_id.slot()));
        let found = parts.into_iter().map(|Part { shard, places, items }| async move {
            let found = asking!(shard, |store| store.committed(&items))?;
            Ok((places, found))
        });
        all(join_all(found).await).map(put_together)
    }

    async fn reserve_sequences(&self, slot: Slot, count: u64) -> Result<Range<u64>, StoreError> {
        asking!(self.keeping(slot), |store| store.reserve_sequences(slot, count))
    }

    fn databases(&self) -> Databases {
        self.databases.clone()
    }
}

impl<S: Store> ShardedStore<S> {
    /// The database of all these items, when they have the same one; the first one's for none at all.
    fn only_database<T>(&self, items: &[T], slot: impl Fn(&T) -> Slot) -> Option<usize> {
        let mut numbers = items.iter().map(|item| self.databases.keeping(slot(item)));
        let first = numbers.next().unwrap_or(0);
        numbers.all(|number| number == first).then_some(first)
    }
}
