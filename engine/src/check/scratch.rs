//! A scratch database that sorts what its sources do not keep by payment: the topics and the gateway's record.
//!
//! Owns a temporary file that SQLite deletes by itself; small checks never leave memory
//! (<https://www.sqlite.org/inmemorydb.html#temp_db>).

use rusqlite::{Connection, Row, Statement, params};

use super::dossier::{Event, EventRow, PgEntry};
use super::evidence::EvidenceError;
use super::merge::moment;
use super::pg_record::{PgRecord, PgRecordError};

const TABLES: &str = "
    CREATE TABLE event (
        payment_id INTEGER, topic TEXT, partition INTEGER, offset INTEGER, at INTEGER, body TEXT,
        PRIMARY KEY (payment_id, topic, partition, offset)
    ) WITHOUT ROWID;
    CREATE TABLE record (
        payment_id INTEGER, seq INTEGER, pg_key TEXT, operation TEXT, operation_no INTEGER, attempt INTEGER,
        merchant_id TEXT, amount INTEGER, currency TEXT, result TEXT, at TEXT,
        PRIMARY KEY (payment_id, seq)
    ) WITHOUT ROWID;";

/// The scratch database.
pub(super) struct Scratch(Connection);

impl Scratch {
    pub(super) fn new() -> Result<Self, EvidenceError> {
        let connection = Connection::open("")?;
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
        connection.execute_batch(TABLES)?;
        Ok(Self(connection))
    }

    /// Copies the events in the topics, or one payment's. Records that are no events are another program's.
    pub(super) fn take_events(&mut self, store: &Connection, only: Option<u64>) -> Result<(), EvidenceError> {
        const SQL: &str = "
            SELECT topic, partition, offset, at, value FROM event_log
            WHERE topic NOT LIKE '%.dlq' AND (?1 IS NULL OR key = ?1)";
        let copy = self.0.transaction()?;
        {
            let mut statement = store.prepare(SQL)?;
            let mut rows = statement.query([only.map(|id| id.to_string())])?;
            let mut insert = copy.prepare("INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
            while let Some(row) = rows.next()? {
                let Some(body) =
                    row.get_ref(4)?.as_bytes().ok().and_then(|bytes| std::str::from_utf8(bytes).ok())
                else {
                    continue;
                };
                let Ok(event) = serde_json::from_str::<Event>(body) else { continue };
                let id = i64::try_from(event.payment_id).unwrap_or(i64::MAX);
                let (topic, partition, offset, at): (String, i64, i64, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                insert.execute(params![id, topic, partition, offset, at, body])?;
            }
        }
        Ok(copy.commit()?)
    }

    /// Copies the gateway's record.
    pub(super) fn take_record(&mut self, pg: &PgRecord) -> Result<Result<(), PgRecordError>, EvidenceError> {
        let copy = self.0.transaction()?;
        let mut failed = None;
        let read = {
            let mut insert = copy.prepare(
                "INSERT OR IGNORE INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            pg.read(&mut |id, entry: PgEntry| {
                let inserted = insert.execute(params![
                    i64::try_from(id).unwrap_or(i64::MAX),
                    entry.seq,
                    entry.key,
                    entry.operation,
                    entry.operation_no,
                    entry.attempt,
                    entry.merchant_id,
                    entry.amount,
                    entry.currency,
                    entry.result,
                    entry.at,
                ]);
                failed = failed.take().or(inserted.err());
            })
        };
        copy.commit()?;
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(read),
        }
    }

    /// The queries for events and for the record, each in the order of payments.
    pub(super) fn statements(&self) -> Result<(Statement<'_>, Statement<'_>), EvidenceError> {
        let events = "
            SELECT payment_id, topic, partition, offset, at, body FROM event
            WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, topic, partition, offset";
        let record = "
            SELECT payment_id, seq, pg_key, operation, operation_no, attempt, merchant_id, amount, currency, result, at
            FROM record WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, seq";
        Ok((self.0.prepare(events)?, self.0.prepare(record)?))
    }

    pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
        let body: String = row.get(5)?;
        let unreadable = |error| {
            rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(error))
        };
        Ok(EventRow {
            topic: row.get(1)?,
            partition: row.get(2)?,
            offset: row.get(3)?,
            at: moment(row, 4)?,
            event: serde_json::from_str(&body).map_err(unreadable)?,
        })
    }

    pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<PgEntry> {
        Ok(PgEntry {
            seq: row.get(1)?,
            key: row.get(2)?,
            operation: row.get(3)?,
            operation_no: row.get(4)?,
            attempt: row.get(5)?,
            merchant_id: row.get(6)?,
            amount: row.get(7)?,
            currency: row.get(8)?,
            result: row.get(9)?,
            at: row.get(10)?,
        })
    }
}
