//! Outbox rows until they are published.

use std::sync::Arc;

use async_trait::async_trait;
use payment_schema::ids::PaymentId;
use payment_schema::time::Timestamp;
use tokio::time::sleep;

use super::tables::{OutboxRow, Tables};
use super::{Need, SimStore};
use crate::ports::StoreError;
use crate::ports::journal_store::{OutboxKey, OutboxRecord};
use crate::ports::outbox_store::OutboxStore;

/// Smaller pages stand for those of a long table: much happens while it is read.
const ORDINARY_PAGE: u32 = 100;

#[async_trait]
impl OutboxStore for SimStore {
    async fn unpublished(
        &self,
        database: usize,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, OutboxRecord)>, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        if limit < ORDINARY_PAGE && !self.environment.is_calm() {
            let turning = self.dice.lock().millis(0, 1_500);
            sleep(turning).await;
        }
        self.read(Need::One(database), "unpublished", |tables| {
            let mine = |row: &OutboxRow| {
                self.databases.keeping(row.record.payment_id.slot()) == database && waits(row)
            };
            let rows = tables.outbox.range(after.saturating_add(1)..).filter(|(_, row)| mine(row));
            rows.take(most).map(|(position, row)| (*position, row.record.clone())).collect()
        })
        .await
    }

    async fn unpublished_before(&self, id: PaymentId, below: u64) -> Result<Vec<OutboxRecord>, StoreError> {
        self.read(self.database_of(id.slot()), "unpublished before", |tables| {
            let mine = |row: &&OutboxRow| {
                row.record.payment_id == id && row.record.event_seq.is_some_and(|seq| seq < below)
            };
            let mut records: Vec<_> = waiting(tables).filter(mine).map(|row| row.record.clone()).collect();
            records.sort_by_key(|record| record.event_seq);
            records
        })
        .await
    }

    async fn mark_published(
        &self,
        database: usize,
        records: &[OutboxKey],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let events: Vec<_> = records.iter().map(|record| record.event_id).collect();
        let environment = Arc::clone(&self.environment);
        let databases = self.databases.clone();
        self.write(Need::One(database), "mark published", move |tables| {
            for event in &events {
                let record = tables.ever_in_outbox.get(event).expect("only committed records are published");
                assert_eq!(
                    databases.keeping(record.payment_id.slot()),
                    database,
                    "a mark goes to its record"
                );
                tables.ever_marked.entry(*event).or_insert_with(|| environment.elapsed());
            }
            for row in tables.outbox.values_mut().filter(|row| events.contains(&row.record.event_id)) {
                row.published_at.get_or_insert(at);
            }
        })
        .await
    }

    async fn prune_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        self.write(Need::Any, "prune", move |tables| {
            let old = |row: &OutboxRow| row.published_at.is_some_and(|at| at < before);
            let positions: Vec<_> =
                tables.outbox.iter().filter(|(_, row)| old(row)).map(|it| *it.0).take(most).collect();
            for position in &positions {
                tables.outbox.remove(position);
            }
            positions.len() as u64
        })
        .await
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.read(Need::All, "backlog", |tables| {
            let oldest = waiting(tables).map(|row| row.record.at).min();
            (waiting(tables).count() as u64, oldest)
        })
        .await
    }
}

fn waits(row: &OutboxRow) -> bool {
    row.published_at.is_none()
}

fn waiting(tables: &Tables) -> impl Iterator<Item = &OutboxRow> {
    tables.outbox.values().filter(|row| waits(row))
}
