//! A scratch database that sorts what its sources do not keep by payment: the topics, the gateway's record, and the
//! tables of a store that cannot be read side by side.
//!
//! Owns a temporary file that SQLite deletes by itself; small checks never leave memory
//! (<https://www.sqlite.org/inmemorydb.html#temp_db>).

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, Row, Statement, Transaction, params, params_from_iter};

use super::dossier::{Event, EventRow, PgEntry, StrayRow};
use super::evidence::EvidenceError;
use super::merge::moment;
use super::pg_record::{PgRecord, PgRecordError};
use super::records::{Judged, Raw};

const TABLES: &str = "
    CREATE TABLE event (
        payment_id INTEGER, topic TEXT, partition INTEGER, offset INTEGER, at INTEGER, body TEXT,
        PRIMARY KEY (payment_id, topic, partition, offset)
    ) WITHOUT ROWID;
    CREATE TABLE stray (
        payment_id INTEGER, topic TEXT, partition INTEGER, offset INTEGER, at INTEGER, what TEXT, unreadable INTEGER,
        letter_id TEXT GENERATED ALWAYS AS (topic || '-' || partition || '-' || offset)
    );
    CREATE TABLE put_aside (letter_id TEXT PRIMARY KEY, error_type TEXT) WITHOUT ROWID;
    CREATE TABLE record (
        payment_id INTEGER, seq INTEGER, pg_key TEXT, operation TEXT, operation_no INTEGER, attempt INTEGER,
        merchant_id TEXT, amount INTEGER, currency TEXT, result TEXT, at TEXT,
        PRIMARY KEY (payment_id, seq)
    ) WITHOUT ROWID;";

/// Copies of a store's tables, under their own names and with the columns that a check reads. Nothing is forbidden
/// here, because it must hold what should not exist.
const STORE: &str = "
    CREATE TABLE payment (
        payment_id INTEGER PRIMARY KEY, merchant_id, amount, currency, status, version, captured_amount,
        refunded_amount, last_event_seq, due_at, document
    );
    CREATE TABLE payment_transition (
        payment_id, version, from_status, to_status, cause, reason, operation_no, attempt, at
    );
    CREATE TABLE ledger_entry (
        payment_id, transaction_id, event_id, operation_no, side, account, amount, currency
    );
    CREATE TABLE settlement_request (payment_id, operation_no, operation, amount, status, attempt);
    CREATE TABLE refund_request (payment_id, operation_no, operation, amount, status, attempt);
    CREATE TABLE dead_letter (
        payment_id, letter_id, topic, operation_no, error_type, status, created_at, position
    );
    CREATE TABLE outbox_event (payment_id, event_seq, created_at, published_at);
    CREATE TABLE audit (target, what, outcome);";

/// Made when all rows are there.
const STORE_INDEXES: &str = "
    CREATE INDEX transition_by_payment ON payment_transition (payment_id, version);
    CREATE INDEX entry_by_payment ON ledger_entry (payment_id, operation_no, side);
    CREATE INDEX settlement_by_payment ON settlement_request (payment_id, operation_no);
    CREATE INDEX refund_by_payment ON refund_request (payment_id, operation_no);
    CREATE INDEX letter_by_payment ON dead_letter (payment_id, position);
    CREATE INDEX outbox_by_payment ON outbox_event (payment_id, event_seq);";

/// The scratch database.
pub(super) struct Scratch(Connection);

/// A store's tables on their way into the scratch database.
pub(super) struct Copies<'a>(Transaction<'a>);

/// One of them.
pub(super) struct Copy<'a>(Statement<'a>);

impl Copies<'_> {
    /// Rows of this table, with so many columns.
    pub(super) fn table(&self, name: &str, columns: usize) -> Result<Copy<'_>, EvidenceError> {
        let places = vec!["?"; columns].join(", ");
        let insert = format!("INSERT INTO {name} VALUES ({places})");
        Ok(Copy(self.0.prepare(&insert).map_err(EvidenceError::Scratch)?))
    }

    pub(super) fn finish(self) -> Result<(), EvidenceError> {
        self.0.execute_batch(STORE_INDEXES).and_then(|()| self.0.commit()).map_err(EvidenceError::Scratch)
    }
}

impl Copy<'_> {
    pub(super) fn add(&mut self, row: &[Value]) -> Result<(), EvidenceError> {
        match self.0.execute(params_from_iter(row)) {
            Ok(_) => Ok(()),
            // Only payments are kept apart, and one database has each of them once.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                let id = match row.first() {
                    Some(Value::Integer(id)) => *id,
                    Some(_) | None => 0,
                };
                Err(EvidenceError::TwoHomes(id))
            }
            Err(error) => Err(EvidenceError::Scratch(error)),
        }
    }
}

impl Scratch {
    pub(super) fn new() -> Result<Self, EvidenceError> {
        let set_up = || {
            let connection = Connection::open("")?;
            connection.execute_batch(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;",
            )?;
            connection.execute_batch(TABLES)?;
            Ok(Self(connection))
        };
        set_up().map_err(EvidenceError::Scratch)
    }

    /// For questions about a store that was copied here.
    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }

    /// Makes room for a store's tables.
    pub(super) fn store_tables(&self) -> Result<Copies<'_>, EvidenceError> {
        let begin = || {
            let copy = self.0.unchecked_transaction()?;
            copy.execute_batch(STORE)?;
            Ok(Copies(copy))
        };
        begin().map_err(EvidenceError::Scratch)
    }

    /// Copies records of topics while `read` hands them over.
    pub(super) fn take_records(
        &self,
        read: impl FnOnce(&mut RecordSink<'_>) -> Result<(), EvidenceError>,
    ) -> Result<(), EvidenceError> {
        let copy = self.0.unchecked_transaction().map_err(EvidenceError::Scratch)?;
        {
            // The same offset twice is what a partition's rebuilt index could show; it is one record.
            let event = copy.prepare("INSERT OR IGNORE INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
            let stray = copy.prepare("INSERT INTO stray VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
            let event = event.map_err(EvidenceError::Scratch)?;
            let stray = stray.map_err(EvidenceError::Scratch)?;
            read(&mut RecordSink { event, stray })?;
        }
        copy.commit().map_err(EvidenceError::Scratch)
    }

    /// Takes from the store which records consumers put aside. Those that are no events of this program's making are
    /// forgotten as events: what cannot be read, and what contradicts what was posted before.
    pub(super) fn put_aside(&self, store: &Connection) -> Result<(), EvidenceError> {
        const LETTERS: &str = "SELECT letter_id, error_type FROM dead_letter WHERE topic = 'payment.dlq'";
        const FORGET: &str = "
            DELETE FROM event WHERE EXISTS (
                SELECT 1 FROM put_aside
                WHERE letter_id = event.topic || '-' || event.partition || '-' || event.offset
                    AND (error_type = 'CONTRADICTING_RECORD'
                        OR EXISTS (SELECT 1 FROM stray WHERE stray.letter_id = put_aside.letter_id))
            )";
        let copy = self.0.unchecked_transaction().map_err(EvidenceError::Scratch)?;
        {
            let mut letters = store.prepare(LETTERS)?;
            let mut rows = letters.query([])?;
            let insert = "INSERT OR IGNORE INTO put_aside VALUES (?1, ?2)";
            let mut insert = copy.prepare(insert).map_err(EvidenceError::Scratch)?;
            while let Some(row) = rows.next()? {
                let (id, error_type): (String, String) = (row.get(0)?, row.get(1)?);
                insert.execute([id, error_type]).map_err(EvidenceError::Scratch)?;
            }
        }
        let forgotten = "CREATE INDEX stray_by_payment ON stray (payment_id, topic, partition, offset);
            CREATE INDEX stray_by_letter ON stray (letter_id);";
        let done = copy.execute_batch(forgotten).and_then(|()| copy.execute(FORGET, []));
        done.and_then(|_| copy.commit()).map_err(EvidenceError::Scratch)
    }

    /// Copies the gateway's record, or one payment's part of it.
    pub(super) fn take_record(
        &self,
        pg: &PgRecord,
        only: Option<u64>,
    ) -> Result<Result<(), PgRecordError>, EvidenceError> {
        let copy = self.0.unchecked_transaction().map_err(EvidenceError::Scratch)?;
        let mut failed = None;
        let read = {
            let insert = copy.prepare(
                "INSERT OR IGNORE INTO record VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            );
            let mut insert = insert.map_err(EvidenceError::Scratch)?;
            pg.read(&mut |id, entry: PgEntry| {
                if only.is_some_and(|only| only != id) {
                    return;
                }
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
        match failed.map_or_else(|| copy.commit(), Err) {
            Ok(()) => Ok(read),
            Err(error) => Err(EvidenceError::Scratch(error)),
        }
    }

    /// The queries for events, for what is wrong with records, and for the gateway's record, each in the order of
    /// payments.
    pub(super) fn statements(&self) -> Result<[Statement<'_>; 3], EvidenceError> {
        const EVENTS: &str = "
            SELECT payment_id, topic, partition, offset, at, body FROM event
            WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, topic, partition, offset";
        const STRAYS: &str = "
            SELECT payment_id, topic, partition, offset, at, what, unreadable,
                EXISTS (SELECT 1 FROM put_aside WHERE put_aside.letter_id = stray.letter_id)
            FROM stray WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, topic, partition, offset";
        const RECORD: &str = "
            SELECT payment_id, seq, pg_key, operation, operation_no, attempt, merchant_id, amount, currency, result, at
            FROM record WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, seq";
        let prepare = || Ok([self.0.prepare(EVENTS)?, self.0.prepare(STRAYS)?, self.0.prepare(RECORD)?]);
        prepare().map_err(EvidenceError::Scratch)
    }

    /// Shows what is wrong with records that name no payment.
    pub(super) fn strays_of_nobody(
        &self,
        show: &mut dyn FnMut(&StrayRow) -> Result<(), EvidenceError>,
    ) -> Result<(), EvidenceError> {
        const SQL: &str = "
            SELECT payment_id, topic, partition, offset, at, what, unreadable,
                EXISTS (SELECT 1 FROM put_aside WHERE put_aside.letter_id = stray.letter_id)
            FROM stray WHERE payment_id IS NULL ORDER BY topic, partition, offset";
        let mut statement = self.0.prepare(SQL).map_err(EvidenceError::Scratch)?;
        let mut rows = statement.query([]).map_err(EvidenceError::Scratch)?;
        while let Some(row) = rows.next().map_err(EvidenceError::Scratch)? {
            show(&Self::stray(row).map_err(EvidenceError::Scratch)?)?;
        }
        Ok(())
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

    pub(super) fn stray(row: &Row<'_>) -> rusqlite::Result<StrayRow> {
        Ok(StrayRow {
            topic: row.get(1)?,
            partition: row.get(2)?,
            offset: row.get(3)?,
            at: moment(row, 4)?,
            what: row.get(5)?,
            unreadable: row.get(6)?,
            put_aside: row.get(7)?,
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

/// Takes records that were judged.
pub(super) struct RecordSink<'a> {
    event: Statement<'a>,
    stray: Statement<'a>,
}

impl RecordSink<'_> {
    pub(super) fn add(&mut self, raw: &Raw<'_>, judged: Judged) -> Result<(), EvidenceError> {
        let id = judged.payment.map(|id| i64::try_from(id).unwrap_or(i64::MAX));
        let (topic, at) = (raw.topic.as_str(), raw.at.as_micros());
        if let Some(event) = &judged.event {
            let body = body(event);
            let row = params![id, topic, raw.partition, raw.offset, at, body];
            self.event.execute(row).map_err(EvidenceError::Scratch)?;
        }
        if let Some(flaw) = judged.flaw {
            let row = params![id, topic, raw.partition, raw.offset, at, flaw.what, flaw.unreadable];
            self.stray.execute(row).map_err(EvidenceError::Scratch)?;
        }
        Ok(())
    }
}

fn body(event: &Event) -> String {
    serde_json::to_string(event).expect("an event is plain data")
}
