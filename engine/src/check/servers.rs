//! The store in MariaDB: one database, or several that share the payments.
//!
//! Owns the copy of its tables. A connection gives one answer after the other, and only one connection sees a
//! snapshot, so the tables are copied into the scratch file, where they can be read side by side. Each database is one
//! snapshot; no payment is in two of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use parking_lot::Mutex;
use rusqlite::types::Value;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{Executor, Row};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::evidence::{EvidenceError, Present};
use super::progress::Progress;
use super::scratch::{Copies, Scratch};
use crate::mariadb::MariaDbOptions;

/// How long the server may take for the next row.
const MOST_SILENCE: Duration = Duration::from_secs(60);

/// How a column is taken over.
#[derive(Clone, Copy)]
enum Column {
    Integer,
    Text,
}

/// A table as it is copied. A question with parameters takes the lowest and the highest payment id.
struct Table {
    name: &'static str,
    question: &'static str,
    columns: &'static [Column],
}

use Column::{Integer, Text};

const TABLES: &[Table] = &[
    Table {
        name: "payment",
        question: "SELECT payment_id, merchant_id, amount, currency, status, version, captured_amount,
                refunded_amount, last_event_seq, due_at, document
            FROM payment WHERE payment_id BETWEEN ? AND ?",
        columns: &[Integer, Text, Integer, Text, Text, Integer, Integer, Integer, Integer, Integer, Text],
    },
    Table {
        name: "payment_transition",
        question: "SELECT payment_id, version, from_status, to_status, cause, reason,
                CAST(operation_no AS SIGNED), CAST(attempt AS SIGNED), at
            FROM payment_transition WHERE payment_id BETWEEN ? AND ?",
        columns: &[Integer, Integer, Text, Text, Text, Text, Integer, Integer, Integer],
    },
    Table {
        name: "ledger_entry",
        question:
            "SELECT payment_id, transaction_id, event_id, CAST(operation_no AS SIGNED), side, account, amount,
                currency
            FROM ledger_entry WHERE payment_id BETWEEN ? AND ?",
        columns: &[Integer, Text, Text, Integer, Text, Text, Integer, Text],
    },
    Table {
        name: "settlement_request",
        question: "SELECT payment_id, CAST(operation_no AS SIGNED), operation, amount, status,
                CAST(attempt AS SIGNED)
            FROM settlement_request WHERE payment_id BETWEEN ? AND ?",
        columns: &[Integer, Integer, Text, Integer, Text, Integer],
    },
    Table {
        name: "refund_request",
        question: "SELECT payment_id, CAST(operation_no AS SIGNED), operation, amount, status,
                CAST(attempt AS SIGNED)
            FROM refund_request WHERE payment_id BETWEEN ? AND ?",
        columns: &[Integer, Integer, Text, Integer, Text, Integer],
    },
    // Dead letters need not name a payment. There are few of them, and no index by payment.
    Table {
        name: "dead_letter",
        question: "SELECT payment_id, letter_id, topic, CAST(operation_no AS SIGNED), error_type, status,
                created_at, position
            FROM dead_letter WHERE payment_id BETWEEN ? AND ? OR payment_id IS NULL",
        columns: &[Integer, Text, Text, Integer, Text, Text, Integer, Integer],
    },
    // What waits has the mark 0 on a server and none in a file, which the scratch is.
    Table {
        name: "outbox_event",
        question: "SELECT payment_id, event_seq, created_at, NULLIF(published_at, 0)
            FROM outbox_event WHERE published_at = 0 AND payment_id BETWEEN ? AND ?",
        columns: &[Integer, Integer, Integer, Integer],
    },
    // An entry names its payment in words, so the ids cannot choose among them.
    Table {
        name: "audit",
        question: "SELECT target, what, outcome FROM audit WHERE what = 'resolve' AND outcome = 'done'",
        columns: &[Text, Text, Text],
    },
];

/// The databases, opened for reading.
pub(super) struct Servers {
    runtime: Runtime,
    /// One per database. Locked because rules ask questions while they are shown what was copied.
    databases: Vec<Database>,
}

struct Database {
    /// As errors name it.
    shown: Arc<str>,
    connection: Mutex<MySqlConnection>,
}

impl Servers {
    pub(super) fn open(databases: &[MariaDbOptions]) -> Result<Self, EvidenceError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| EvidenceError::Store(format!("no runtime can be started: {error}")))?;
        let connect = |options: &MariaDbOptions| {
            let connection = runtime.block_on(options.connect_for_reading())?;
            Ok(Database { shown: options.target().into(), connection: Mutex::new(connection) })
        };
        let databases = databases.iter().map(connect).collect::<Result<_, EvidenceError>>()?;
        Ok(Self { runtime, databases })
    }

    /// From here on [`Self::copy`] sees what was committed by now.
    pub(super) fn open_snapshots(&self) -> Result<(), EvidenceError> {
        const OPEN: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
            START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        self.on_each(OPEN)
    }

    /// Questions see the present again.
    fn close_snapshots(&self) -> Result<(), EvidenceError> {
        self.on_each("COMMIT")
    }

    fn on_each(&self, text: &'static str) -> Result<(), EvidenceError> {
        self.databases.iter().try_for_each(|database| {
            let mut connection = database.connection.lock();
            let done = self.runtime.block_on(connection.execute(sqlx::raw_sql(text)));
            done.map(|_| ()).map_err(|error| database.broken(&error))
        })
    }

    /// Copies the tables of the snapshots, which end with this.
    pub(super) fn copy(
        &self,
        scratch: &Scratch,
        range: [i64; 2],
        progress: &Progress,
    ) -> Result<(), EvidenceError> {
        let copies = scratch.store_tables()?;
        for database in &self.databases {
            let mut connection = database.connection.lock();
            for table in TABLES {
                let reading = Reading { database, table, range, progress };
                self.runtime.block_on(reading.copy(&mut connection, &copies))?;
            }
        }
        copies.finish()?;
        self.close_snapshots()
    }

    /// What the store says of a payment at this moment.
    pub(super) fn present(&self, id: i64) -> Result<Option<Present>, EvidenceError> {
        const ASK: &str = "SELECT last_event_seq, document FROM payment WHERE payment_id = ?";
        for database in &self.databases {
            let mut connection = database.connection.lock();
            let asked = connection.fetch_optional(sqlx::query(ASK).bind(id));
            // The time limit needs the runtime's clock, hence a block of its own.
            let answer = self.runtime.block_on(async { timeout(MOST_SILENCE, asked).await });
            let found = answer.map_err(|_| database.silent())?.map_err(|error| database.broken(&error))?;
            if let Some(row) = found {
                let read = || Ok((row.try_get(0)?, row.try_get(1)?));
                let (last_event_seq, document): (i64, String) =
                    read().map_err(|error| database.broken(&error))?;
                return Ok(Some(Present::new(last_event_seq, &document)));
            }
        }
        Ok(None)
    }
}

impl Database {
    fn broken(&self, error: &sqlx::Error) -> EvidenceError {
        EvidenceError::Store(format!("{}: {error}", self.shown))
    }

    fn silent(&self) -> EvidenceError {
        EvidenceError::Store(format!("{} gave no answer for {} s", self.shown, MOST_SILENCE.as_secs()))
    }
}

/// One table on its way.
struct Reading<'a> {
    database: &'a Database,
    table: &'a Table,
    range: [i64; 2],
    progress: &'a Progress,
}

impl Reading<'_> {
    async fn copy(&self, connection: &mut MySqlConnection, copies: &Copies<'_>) -> Result<(), EvidenceError> {
        let Table { name, question, columns } = self.table;
        let mut into = copies.table(name, columns.len())?;
        let mut query = sqlx::query(*question);
        if question.contains('?') {
            query = query.bind(self.range[0]).bind(self.range[1]);
        }
        let mut rows = connection.fetch(query);
        let mut count: u64 = 0;
        loop {
            let next = timeout(MOST_SILENCE, rows.try_next()).await.map_err(|_| self.database.silent())?;
            let Some(row) = next.map_err(|error| self.database.broken(&error))? else {
                return Ok(());
            };
            into.add(&self.values(&row)?)?;
            count += 1;
            self.progress.step(|| format!("read {count} rows of {name} in {}", self.database.shown));
        }
    }

    fn values(&self, row: &MySqlRow) -> Result<Vec<Value>, EvidenceError> {
        let value = |(index, column): (usize, &Column)| match column {
            Integer => row.try_get::<Option<i64>, _>(index).map(Value::from),
            Text => row.try_get::<Option<String>, _>(index).map(Value::from),
        };
        let values = self.table.columns.iter().enumerate().map(value).collect::<Result<_, sqlx::Error>>();
        values.map_err(|error| self.database.broken(&error))
    }
}
