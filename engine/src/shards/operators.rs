//! [`OperatorStore`] on several databases. A view holds all of them, or says which one it lacks.

use async_trait::async_trait;
use futures_util::future::{join_all, select_ok};
use payment_actors::ports::journal_store::AuditEntry;
use payment_actors::ports::operator_store::{OperationTotals, OperatorStore};
use payment_actors::ports::{Store, StoreError};
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::PaymentId;
use payment_schema::operation::OperationKind;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;

use super::pages::{merge, own_before};
use super::{Part, Shard, ShardedStore, all, asking, asking_all};

#[async_trait]
impl<S: Store> OperatorStore for ShardedStore<S> {
    async fn dead_letters(
        &self,
        topic: Topic,
        status: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, StoreError> {
        let pages = self.shards.iter().enumerate().map(|(database, shard)| async move {
            let before = before.map(|before| own_before(before, database, self.shards.len()));
            asking!(shard, |store| store.dead_letters(topic, status, before, limit))
        });
        Ok(merge(all(join_all(pages).await)?, limit))
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        Ok(self.find_letter(id).await?.map(|(_, letter)| letter))
    }

    async fn put_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let parts = self.parts(letters, |letter| letter.payment_id.map(PaymentId::slot));
        let put = parts.into_iter().map(|Part { shard, items, .. }| async move {
            asking!(shard, |store| store.put_dead_letters(&items))
        });
        all(join_all(put).await).map(|_| ())
    }

    async fn close_dead_letter(
        &self,
        id: &str,
        status: LetterStatus,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        match self.find_letter(id).await? {
            Some((shard, _)) => asking!(shard, |store| store.close_dead_letter(id, status, reason, at)),
            None => Ok(false),
        }
    }

    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, StoreError> {
        let counts = all(asking_all!(self, |store| store.open_dead_letters()))?;
        let mut sums: Vec<(Topic, u64)> = Vec::new();
        for (topic, count) in counts.into_iter().flatten() {
            match sums.iter_mut().find(|(counted, _)| *counted == topic) {
                Some((_, sum)) => *sum += count,
                None => sums.push((topic, count)),
            }
        }
        Ok(sums)
    }

    /// In the first database that takes it: no act goes without its entry because a database is away that it does not
    /// concern.
    async fn write_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut failed = None;
        for shard in self.shards.iter() {
            match asking!(shard, |store| store.write_audit(entry)) {
                Err(StoreError::Unavailable(cause)) => failed = Some(StoreError::Unavailable(cause)),
                done => return done,
            }
        }
        Err(failed.unwrap_or_else(|| StoreError::Unavailable("there is no database".to_owned())))
    }

    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        let pages = self.shards.iter().enumerate().map(|(database, shard)| async move {
            let before = before.map(|before| own_before(before, database, self.shards.len()));
            asking!(shard, |store| store.audit(before, limit))
        });
        Ok(merge(all(join_all(pages).await)?, limit))
    }

    async fn operation_totals(
        &self,
        kind: OperationKind,
        delayed_before: Timestamp,
    ) -> Result<OperationTotals, StoreError> {
        let totals = all(asking_all!(self, |store| store.operation_totals(kind, delayed_before)))?;
        Ok(totals.into_iter().fold(OperationTotals::default(), |sum, totals| OperationTotals {
            total: sum.total + totals.total,
            approved: sum.approved + totals.approved,
            open: sum.open + totals.open,
            dead_lettered: sum.dead_lettered + totals.dead_lettered,
            given_up: sum.given_up + totals.given_up,
            delayed: sum.delayed + totals.delayed,
        }))
    }

    async fn status_counts(&self) -> Result<Vec<u64>, StoreError> {
        let counts = all(asking_all!(self, |store| store.status_counts()))?;
        let longest = counts.iter().map(Vec::len).max().unwrap_or(0);
        let sum = |place| counts.iter().filter_map(|counts: &Vec<u64>| counts.get(place)).sum();
        Ok((0..longest).map(sum).collect())
    }

    async fn oldest_open(&self, limit: u32) -> Result<Vec<PaymentId>, StoreError> {
        let ids = all(asking_all!(self, |store| store.oldest_open(limit)))?;
        let touched = ids.into_iter().flatten().map(|id| async move {
            let payment = asking!(self.keeping(id.slot()), |store| store.payment(id))?;
            Ok(payment.map(|payment| (payment.updated_at, id)))
        });
        let mut touched: Vec<_> = all(join_all(touched).await)?.into_iter().flatten().collect();
        touched.sort_unstable();
        touched.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(touched.into_iter().map(|(_, id)| id).collect())
    }

    /// Whether any of them answers, and no waiting for the others: as long as one does, there are merchants to serve.
    async fn ping(&self) -> Result<(), StoreError> {
        let asked =
            self.shards.iter().map(|shard| Box::pin(async move { asking!(shard, |store| store.ping()) }));
        select_ok(asked).await.map(|_| ())
    }
}

impl<S: Store> ShardedStore<S> {
    /// The letter and its database. An id alone does not tell which, so all are asked; one that has it is enough.
    async fn find_letter(&self, id: &str) -> Result<Option<(&Shard<S>, DeadLetter)>, StoreError> {
        let mut failed = None;
        for (shard, found) in self.shards.iter().zip(asking_all!(self, |store| store.dead_letter(id))) {
            match found {
                Ok(Some(letter)) => return Ok(Some((shard, letter))),
                Ok(None) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }
}
