//! Group commits.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use payment_schema::ids::Slot;

use super::tables::OutboxPlace;
use super::{Need, SimStore};
use crate::ports::StoreError;
use crate::ports::databases::Databases;
use crate::ports::journal_store::{Append, AppendOutcome, CommitMark, JournalStore};
use crate::simulation::faults::Fault;

#[async_trait]
impl JournalStore for SimStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<AppendOutcome>, StoreError> {
        let batch = batch.to_vec();
        let environment = Arc::clone(&self.environment);
        let place = self.outbox_place();
        let need = self.need_of(batch.iter().map(|append| append.payment.id));
        assert!(!matches!(need, Need::All), "a batch is for one database");
        self.commit(need, "append", move |tables| {
            if matches!(place, OutboxPlace::Between { .. }) {
                environment.count(Fault::PositionsOutOfOrder);
            }
            let append = |append: &Append| {
                let outcome = tables.append(append, place);
                let (id, expected, payment) = (append.payment.id, append.expected.0, &append.payment);
                let (version, status) = (payment.version.0, payment.status);
                environment
                    .note(format_args!("append {id} {expected} to {version} {status}: {}", word(&outcome)));
                outcome
            };
            batch.iter().map(append).collect()
        })
        .await
    }

    async fn committed(&self, marks: &[CommitMark]) -> Result<Vec<bool>, StoreError> {
        self.read(self.need_of(marks.iter().map(|mark| mark.payment_id)), "committed", |tables| {
            marks.iter().map(|mark| tables.is_committed(mark)).collect()
        })
        .await
    }

    async fn reserve_sequences(&self, slot: Slot, count: u64) -> Result<Range<u64>, StoreError> {
        let database = self.databases.keeping(slot);
        self.write(Need::One(database), "reserve", move |tables| tables.reserve_sequences(database, count))
            .await
    }

    fn databases(&self) -> Databases {
        self.databases.clone()
    }
}

impl SimStore {
    /// Where the records of a transaction stand that began to write now, or a while ago.
    fn outbox_place(&self) -> OutboxPlace {
        let mut dice = self.dice.lock();
        let (is_between, percent) = (dice.chance(0.5), dice.below(100));
        if is_between && !self.environment.is_calm() {
            OutboxPlace::Between { percent }
        } else {
            OutboxPlace::Last
        }
    }
}

fn word(outcome: &AppendOutcome) -> &'static str {
    match outcome {
        AppendOutcome::Committed => "committed",
        AppendOutcome::VersionConflict => "version conflict",
        AppendOutcome::KeyTaken(_) => "key taken",
    }
}
