//! [`OutboxStore`] on SQLite.

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{OutboxKey, OutboxRecord};
use payment_actors::ports::outbox_store::OutboxStore;
use payment_schema::ids::PaymentId;
use payment_schema::time::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::SqliteStore;
use super::columns::{any_bytes, event_id, parsed, payment_id, signed, timestamp, topic, trace_id, unsigned};
use super::failure::Failure;

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn unpublished(
        &self,
        _database: usize,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, OutboxRecord)>, StoreError> {
        const SQL: &str = "
            SELECT * FROM outbox_event WHERE published_at IS NULL AND position > ?1 ORDER BY position LIMIT ?2";
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(SQL)?;
                let mut rows = statement.query(params![signed(after), limit])?;
                let mut records = Vec::new();
                while let Some(row) = rows.next()? {
                    records.push((unsigned("position", row.get("position")?)?, read(row)?));
                }
                Ok(records)
            })
            .await
    }

    async fn unpublished_before(&self, id: PaymentId, below: u64) -> Result<Vec<OutboxRecord>, StoreError> {
        const SQL: &str = "
            SELECT * FROM outbox_event WHERE published_at IS NULL AND payment_id = ?1 AND place > 0 AND place < ?2
            ORDER BY place";
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(SQL)?;
                let mut rows = statement.query(params![id.as_i64(), signed(below)])?;
                let mut records = Vec::new();
                while let Some(row) = rows.next()? {
                    records.push(read(row)?);
                }
                Ok(records)
            })
            .await
    }

    async fn mark_published(
        &self,
        _database: usize,
        records: &[OutboxKey],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE outbox_event SET published_at = ?3
             WHERE payment_id = ?1 AND place = ?2 AND published_at IS NULL";
        let records = records.to_vec();
        self.database
            .write(move |session| {
                let mut statement = session.connection.prepare_cached(SQL)?;
                for record in &records {
                    statement.execute(params![record.payment_id.as_i64(), record.place(), at.as_micros()])?;
                }
                Ok(())
            })
            .await
    }

    async fn prune_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        const SQL: &str = "
            DELETE FROM outbox_event WHERE position IN
                (SELECT position FROM outbox_event WHERE published_at < ?1 ORDER BY published_at LIMIT ?2)";
        self.database
            .write(move |session| {
                let deleted =
                    session.connection.prepare_cached(SQL)?.execute(params![before.as_micros(), limit])?;
                Ok(deleted as u64)
            })
            .await
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        const COUNT: &str = "SELECT count(*) FROM outbox_event WHERE published_at IS NULL";
        const OLDEST: &str =
            "SELECT created_at FROM outbox_event WHERE published_at IS NULL ORDER BY position LIMIT 1";
        self.database
            .read(move |connection| {
                let snapshot = connection.unchecked_transaction()?;
                let pending = snapshot.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
                let oldest = snapshot.prepare_cached(OLDEST)?.query_row([], |row| row.get(0)).optional()?;
                Ok((unsigned("count", pending)?, oldest.map(Timestamp::from_micros)))
            })
            .await
    }
}

fn read(row: &Row<'_>) -> Result<OutboxRecord, Failure> {
    let seq: Option<i64> = row.get("event_seq")?;
    Ok(OutboxRecord {
        event_id: parsed(row, "event_id", event_id)?,
        payment_id: payment_id(row, "payment_id")?,
        event_seq: seq.map(|seq| unsigned("event_seq", seq)).transpose()?,
        topic: topic(row)?,
        payload: any_bytes(row, "payload")?.unwrap_or_default(),
        trace_id: trace_id(row)?,
        at: timestamp(row, "created_at")?,
    })
}
