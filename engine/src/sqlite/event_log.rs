//! [`EventLog`] on SQLite: topics, partitions and offsets as rows.
//!
//! Owns publishing and the consumer groups of this process. A group has one member at a time that reads; further
//! members wait until it leaves. That is enough here, because one process has the whole file, and it keeps every
//! partition's order without any rebalancing. Nothing is ever dropped.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use payment_actors::ports::StoreError;
use payment_actors::ports::event_log::{EventLog, LogError, Record, Subscription};
use payment_schema::event::SCHEMA_VERSION;
use payment_schema::topic::Topic;
use rusqlite::{Connection, params};
use serde_json::json;

use super::columns::{signed, text_or_blob, unsigned};
use super::database::Database;
use super::failure::Failure;
use super::subscription::SqliteSubscription;

/// The event log in the store's file.
#[derive(Clone)]
pub struct SqliteEventLog {
    database: Arc<Database>,
    seats: Arc<Mutex<BTreeMap<String, Seat>>>,
}

/// The right to read for a group.
pub(super) type Seat = Arc<tokio::sync::Mutex<()>>;

impl SqliteEventLog {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database, seats: Arc::default() }
    }
}

pub(super) fn log_error(error: StoreError) -> LogError {
    LogError(match error {
        StoreError::Unavailable(why) | StoreError::OutcomeUnknown(why) | StoreError::Corrupt(why) => why,
    })
}

#[async_trait]
impl EventLog for SqliteEventLog {
    async fn publish(&self, records: &[Record]) -> Vec<Result<(), LogError>> {
        let owned = records.to_vec();
        let outcome = self
            .database
            .write(move |session| {
                append(session.connection, &owned)?;
                session.wake_subscribers();
                Ok(())
            })
            .await
            .map_err(log_error);
        records.iter().map(|_| outcome.clone()).collect()
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Subscription>, LogError> {
        let seat = Arc::clone(self.seats.lock().entry(group.to_owned()).or_default());
        Ok(Box::new(SqliteSubscription::new(Arc::clone(&self.database), group, topics, seat)))
    }
}

/// Gives each record the next offset of its partition. The writer is alone, so the highest offset stays the
/// highest until the commit; what a rolled-back call would have taken is free again, and there are no gaps.
fn append(connection: &Connection, records: &[Record]) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO event_log (topic, partition, offset, key, headers, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut next_offsets: BTreeMap<(Topic, u32), u64> = BTreeMap::new();
    let mut insert = connection.prepare_cached(SQL)?;
    for record in records {
        let partition = record.topic.partition_of(&record.key);
        let offset = match next_offsets.get(&(record.topic, partition)) {
            Some(next) => *next,
            None => end_of(connection, record.topic, partition)?,
        };
        next_offsets.insert((record.topic, partition), offset + 1);
        let headers = json!({
            "eventId": record.event_id,
            "traceparent": record.traceparent,
            "schemaVersion": SCHEMA_VERSION,
        });
        insert.execute(params![
            record.topic.as_str(),
            partition,
            signed(offset),
            text_or_blob(&record.key),
            headers.to_string(),
            text_or_blob(&record.payload),
        ])?;
    }
    Ok(())
}

/// The offset that a partition's next record gets.
pub(super) fn end_of(connection: &Connection, topic: Topic, partition: u32) -> Result<u64, Failure> {
    const SQL: &str =
        "SELECT coalesce(max(offset) + 1, 0) FROM event_log WHERE topic = ?1 AND partition = ?2";
    let mut statement = connection.prepare_cached(SQL)?;
    let end = statement.query_row(params![topic.as_str(), partition], |row| row.get(0))?;
    unsigned("offset", end)
}
