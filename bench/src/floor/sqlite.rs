//! The floor of SQLite, in a file of its own that is removed at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::outcome::Case;
use super::work::{Transaction, Workshop};
use super::{Floor, Way};
use crate::cli::floor::FloorOptions;
use crate::failure::Failure;
use crate::load::Latency;
use crate::rows::{Cell, Dialect};

/// The engine's own tables.
const TABLES: [&str; 7] = [
    include_str!("../../../schema/sqlite/0001_payments.sql"),
    include_str!("../../../schema/sqlite/0002_outbox.sql"),
    include_str!("../../../schema/sqlite/0003_ledger.sql"),
    include_str!("../../../schema/sqlite/0004_event_log.sql"),
    include_str!("../../../schema/sqlite/0006_key_digests.sql"),
    include_str!("../../../schema/sqlite/0007_flat.sql"),
    include_str!("../../../schema/sqlite/0008_one_index_of_merchants.sql"),
];

/// As the engine opens its file: every commit is synced. Checkpoints, which the engine makes beside its commits, are
/// SQLite's own here.
const SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;";

/// What decides durability and speed.
const SETTINGS: [&str; 4] = ["journal_mode", "synchronous", "cache_size", "wal_autocheckpoint"];

/// A file for the measurement.
pub(super) struct Sqlite {
    file: PathBuf,
    connection: Connection,
    authorizations: usize,
    longest: Duration,
}

impl Sqlite {
    /// Creates the file beside the one named, on the same disk.
    pub(super) fn create(beside: &Path, run: &str, options: &FloorOptions) -> Result<Self, Failure> {
        let file = PathBuf::from(format!("{}.floor-{run}", beside.display()));
        let failed = || format!("{} cannot be made", file.display());
        let connection = Connection::open(&file).map_err(Failure::because(failed()))?;
        connection.execute_batch(SETUP).map_err(Failure::because(failed()))?;
        for tables in TABLES {
            connection.execute_batch(tables).map_err(Failure::because(failed()))?;
        }
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self { file, connection, authorizations: options.authorizations, longest: options.longest })
    }

    /// What the library and the file say of themselves.
    pub(super) fn facts(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut facts = BTreeMap::from([("version".to_owned(), rusqlite::version().to_owned())]);
        for name in SETTINGS {
            let text = |row: &rusqlite::Row<'_>| {
                Ok(match row.get_ref(0)? {
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
                })
            };
            let value = self.connection.pragma_query_value(None, name, text).map_err(failed)?;
            facts.insert(name.to_owned(), value);
        }
        Ok(facts)
    }

    /// Removes everything that was made.
    pub(super) fn remove_file(self) {
        drop(self.connection);
        for ending in ["", "-wal", "-shm"] {
            // The last connection has removed the latter two itself, unless it failed.
            drop(std::fs::remove_file(format!("{}{ending}", self.file.display())));
        }
    }

    fn write(&self, transaction: &Transaction) -> Result<(), Failure> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        for (write, rows) in transaction {
            let text = write.with_places(Dialect::Sqlite, 1);
            let mut statement = self.connection.prepare_cached(&text).map_err(failed)?;
            for row in rows {
                statement.execute(params_from_iter(row)).map_err(failed)?;
            }
        }
        self.connection.execute_batch("COMMIT").map_err(failed)
    }
}

impl Floor for Sqlite {
    fn measure(&mut self, way: Way, workshop: &mut Workshop) -> Result<Case, Failure> {
        let batches = workshop.batches((self.authorizations / way.batch).max(1), way.batch)?;
        let (begun, mut written, mut transactions) = (Instant::now(), 0, Latency::default());
        for batch in &batches {
            for transaction in &batch.transactions {
                let began = Instant::now();
                self.write(transaction)?;
                transactions.record(began.elapsed());
            }
            written += way.batch;
            if begun.elapsed() >= self.longest {
                break;
            }
        }
        Ok(Case::new(way, written, begun.elapsed(), &transactions))
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

fn failed(error: rusqlite::Error) -> Failure {
    Failure::because("the file refused")(error)
}
