//! A member of a consumer group on SQLite.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payment_actors::ports::event_log::{Consumed, LogError, Position, Subscription};
use payment_schema::topic::Topic;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::timeout;

use super::columns::{any_bytes, signed, unsigned};
use super::database::Database;
use super::event_log::{Seat, end_of, log_error};
use super::failure::Failure;

type Partition = (Topic, u32);

/// Other programs that write into the file wake nobody here.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Reads partitions from where the group's committed offsets stood when it got its turn.
pub(super) struct SqliteSubscription {
    database: Arc<Database>,
    group: String,
    partitions: Vec<Partition>,
    grew: watch::Receiver<u64>,
    seat: Seat,
    reading: Option<Reading>,
}

/// What a member has while it is the one that reads.
struct Reading {
    /// Lets the next member in when it is dropped.
    _turn: OwnedMutexGuard<()>,
    next_offsets: BTreeMap<Partition, u64>,
    /// Which partition is looked at first, so that a busy one does not starve the others.
    first: usize,
}

impl SqliteSubscription {
    pub(super) fn new(database: Arc<Database>, group: &str, topics: &[Topic], seat: Seat) -> Self {
        let partitions = topics
            .iter()
            .flat_map(|topic| (0..topic.partitions()).map(|partition| (*topic, partition)))
            .collect();
        let grew = database.log_growth();
        Self { database, group: group.to_owned(), partitions, grew, seat, reading: None }
    }

    /// Waits for the group's seat, then starts where the group stands.
    async fn take_seat(&mut self) -> Result<Reading, LogError> {
        let turn = Arc::clone(&self.seat).lock_owned().await;
        let (group, partitions) = (self.group.clone(), self.partitions.clone());
        let next_offsets = self
            .database
            .read(move |connection| {
                partitions
                    .into_iter()
                    .map(|partition| Ok((partition, committed(connection, &group, partition)?)))
                    .collect()
            })
            .await
            .map_err(log_error)?;
        Ok(Reading { _turn: turn, next_offsets, first: 0 })
    }
}

#[async_trait]
impl Subscription for SqliteSubscription {
    // Dropping the future loses nothing: what was read counts as read only when it is handed over.
    async fn next(&mut self, most: usize) -> Result<Vec<Consumed>, LogError> {
        if self.reading.is_none() {
            self.reading = Some(self.take_seat().await?);
        }
        loop {
            // Before reading, so that a commit during the read is not slept through.
            self.grew.borrow_and_update();
            let reading = self.reading.as_mut().expect("the seat was taken above");
            let places = reading.in_turn(&self.partitions);
            let records = self
                .database
                .read(move |connection| fetch(connection, &places, most))
                .await
                .map_err(log_error)?;
            if !records.is_empty() {
                reading.advance(&records);
                return Ok(records);
            }
            // Whether woken or not, the log is looked at again; it cannot be closed while it is held here.
            let _ = timeout(LOOK_AGAIN, self.grew.changed()).await;
        }
    }

    async fn commit(&mut self, done: &[Position]) -> Result<(), LogError> {
        // Kept as the offset to read next; a late commit never takes the group back.
        const SQL: &str = "
            INSERT INTO consumer_offset (consumer_group, topic, partition, next_offset) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (consumer_group, topic, partition)
            DO UPDATE SET next_offset = max(next_offset, excluded.next_offset)";
        let mut ends: BTreeMap<Partition, u64> = BTreeMap::new();
        for position in done {
            let end = ends.entry((position.topic, position.partition)).or_default();
            *end = (*end).max(position.offset + 1);
        }
        let group = self.group.clone();
        self.database
            .write(move |session| {
                let mut statement = session.connection.prepare_cached(SQL)?;
                for ((topic, partition), end) in &ends {
                    statement.execute(params![group, topic.as_str(), partition, signed(*end)])?;
                }
                Ok(())
            })
            .await
            .map_err(log_error)
    }

    async fn lag(&mut self) -> Result<Vec<(Topic, u64)>, LogError> {
        let (group, partitions) = (self.group.clone(), self.partitions.clone());
        self.database.read(move |connection| lag_of(connection, &group, &partitions)).await.map_err(log_error)
    }
}

impl Reading {
    /// Where to read, another partition first each time.
    fn in_turn(&self, partitions: &[Partition]) -> Vec<(Partition, u64)> {
        let (before, from) = partitions.split_at(self.first.min(partitions.len()));
        from.iter()
            .chain(before)
            .map(|partition| (*partition, self.next_offsets.get(partition).copied().unwrap_or(0)))
            .collect()
    }

    fn advance(&mut self, records: &[Consumed]) {
        for record in records {
            let Position { topic, partition, offset } = record.position;
            self.next_offsets.insert((topic, partition), offset + 1);
        }
        self.first = (self.first + 1) % self.next_offsets.len().max(1);
    }
}

fn fetch(
    connection: &Connection,
    places: &[(Partition, u64)],
    most: usize,
) -> Result<Vec<Consumed>, Failure> {
    const SQL: &str = "
        SELECT offset, key, headers, value FROM event_log
        WHERE topic = ?1 AND partition = ?2 AND offset >= ?3 ORDER BY offset LIMIT ?4";
    let mut records = Vec::new();
    let mut statement = connection.prepare_cached(SQL)?;
    for ((topic, partition), offset) in places {
        let room = most - records.len();
        if room == 0 {
            break;
        }
        let mut rows =
            statement.query(params![topic.as_str(), partition, signed(*offset), signed(room as u64)])?;
        while let Some(row) = rows.next()? {
            records.push(read(row, *topic, *partition)?);
        }
    }
    Ok(records)
}

/// A record as its writer made it: whatever is wrong with it is its consumer's to judge.
fn read(row: &Row<'_>, topic: Topic, partition: u32) -> Result<Consumed, Failure> {
    let headers: serde_json::Value =
        serde_json::from_str(&row.get::<_, String>("headers")?).unwrap_or_default();
    let header = |name: &str| headers.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    Ok(Consumed {
        position: Position { topic, partition, offset: unsigned("offset", row.get("offset")?)? },
        key: any_bytes(row, "key")?,
        schema_version: header("schemaVersion"),
        traceparent: header("traceparent"),
        payload: any_bytes(row, "value")?.unwrap_or_default(),
    })
}

/// The offset that the group reads next.
fn committed(connection: &Connection, group: &str, (topic, partition): Partition) -> Result<u64, Failure> {
    const SQL: &str = "
        SELECT next_offset FROM consumer_offset WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3";
    let mut statement = connection.prepare_cached(SQL)?;
    let next: Option<i64> =
        statement.query_row(params![group, topic.as_str(), partition], |row| row.get(0)).optional()?;
    unsigned("next_offset", next.unwrap_or(0))
}

fn lag_of(
    connection: &Connection,
    group: &str,
    partitions: &[Partition],
) -> Result<Vec<(Topic, u64)>, Failure> {
    let mut waiting: BTreeMap<Topic, u64> = BTreeMap::new();
    for (topic, partition) in partitions {
        let end = end_of(connection, *topic, *partition)?;
        let done = committed(connection, group, (*topic, *partition))?;
        *waiting.entry(*topic).or_default() += end.saturating_sub(done);
    }
    Ok(waiting.into_iter().collect())
}
