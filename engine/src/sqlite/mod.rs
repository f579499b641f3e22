//! The embedded store: payments, ledger, outbox and event log in one SQLite file.
//!
//! Owns everything that touches `payment.db`. One thread writes and commits whatever waits as one transaction,
//! synced to disk before anybody hears of it; two threads read beside it, and one copies the log into the file. The tables are in `schema/sqlite`.
//! Never decides what may happen to a payment: it stores decisions, and refuses those made on an old version.

mod api_keys;
mod append;
mod checkpoints;
mod columns;
mod data_dir;
mod database;
mod event_log;
mod failure;
mod journal;
mod keys;
mod ledger;
mod letters;
mod open;
mod operators;
mod outbox;
mod payments;
mod place;
mod readers;
mod subscription;
mod totals;
mod warmup;
mod writer;

use std::path::Path;
use std::sync::Arc;

pub use data_dir::{DATABASE_FILE, DataDirLock, LockError};
pub use event_log::SqliteEventLog;
pub(crate) use open::open_reader;
pub use open::{Migrated, OpenError, SCHEMA_VERSION, Upgrade, migrate};

use database::Database;

/// The store on one SQLite file. Clones share the file; the last one to go, event logs included, closes it.
#[derive(Clone)]
pub struct SqliteStore {
    database: Arc<Database>,
}

impl SqliteStore {
    /// Opens the file, creating it and its directory when they are missing, and brings its schema up to date if
    /// `upgrade` says so. One process at a time: hold the directory's [`DataDirLock`].
    ///
    /// # Errors
    /// When the file cannot be used; the error says what to do.
    pub fn open(path: &Path, upgrade: Upgrade) -> Result<Self, OpenError> {
        Ok(Self { database: Arc::new(Database::open(path, upgrade)?) })
    }

    /// Opens an existing file for reading, whether an engine runs on it or not. Every write is refused.
    ///
    /// # Errors
    /// When there is no file or it cannot be used; the error says what to do.
    pub fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { database: Arc::new(Database::open_read_only(path)?) })
    }

    /// The event log in the same file, behind the same writer.
    #[must_use]
    pub fn event_log(&self) -> SqliteEventLog {
        SqliteEventLog::new(Arc::clone(&self.database))
    }
}
