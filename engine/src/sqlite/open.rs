//! Opening the database file, and bringing its schema up to date.
//!
//! Owns the connection settings, the migrations and what can be wrong with a file. Never reads a payment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use payment_schema::fingerprint::ClaimDigest;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};
use rusqlite_migration::{HookError, M, Migrations};

/// `application_id` of this program's files; set by the first migration.
const APPLICATION_ID: i64 = 0x7061_7965;

/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Each takes the schema to the next version. They are history: never changed, only added to. Behind one of them a
/// column is filled in, see [`digest_keys`].
const MIGRATIONS: [&str; 8] = [
    include_str!("../../../schema/sqlite/0001_payments.sql"),
    include_str!("../../../schema/sqlite/0002_outbox.sql"),
    include_str!("../../../schema/sqlite/0003_ledger.sql"),
    include_str!("../../../schema/sqlite/0004_event_log.sql"),
    include_str!("../../../schema/sqlite/0005_api_keys.sql"),
    include_str!("../../../schema/sqlite/0006_key_digests.sql"),
    include_str!("../../../schema/sqlite/0007_flat.sql"),
    include_str!("../../../schema/sqlite/0008_one_index_of_merchants.sql"),
];

/// The migration that adds the digests of keys.
const KEY_DIGESTS: usize = 5;

/// The schema version this program works with: how many migrations there are.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// Why a database file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made.
    #[error("the data directory {path} cannot be created: {cause}; choose another with --data-dir")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// There is no file, and none is to be made.
    #[error("there is no database at {0}; start the engine once, or name its directory with --data-dir")]
    Missing(PathBuf),
    /// The file is not SQLite's.
    #[error("{0} is not a database; move it away, or choose another directory with --data-dir")]
    NotADatabase(PathBuf),
    /// The file is SQLite's, but another program's.
    #[error("{0} is a database of another program; choose another directory with --data-dir")]
    Foreign(PathBuf),
    /// The file cannot be written.
    #[error("{0} cannot be written; check the permissions and the owner of the file and its directory")]
    NotWritable(PathBuf),
    /// A newer program wrote the file.
    #[error(
        "{path} has schema version {found}, this program knows up to {known}; use the newer program that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// An older program wrote the file, and it is not to be migrated now.
    #[error("{path} has schema version {found}, this program needs {needed}; run `payment-engine migrate`")]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The version needed.
        needed: i64,
    },
    /// Another process holds the file.
    #[error("{0} is held by another process; stop it first")]
    Held(PathBuf),
    /// Anything else.
    #[error("{path} cannot be opened: {cause}")]
    Other {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}

impl OpenError {
    pub(super) fn other(path: &Path, cause: impl std::fmt::Display) -> Self {
        Self::Other { path: path.to_owned(), cause: cause.to_string() }
    }

    fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(path.to_owned()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Held(path.to_owned()),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::NotWritable(path.to_owned()),
            Some(_) | None => Self::other(path, error),
        }
    }
}

/// What to do with a file of an older schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// Migrate it.
    Automatic,
    /// Leave it alone and say so.
    Refused,
}

/// What [`migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The schema version before; 0 for a new file.
    pub from: i64,
    /// The schema version now.
    pub to: i64,
}

/// Brings the schema of the file up to date, creating file and directory when they are missing. Nobody else may
/// use the file meanwhile; hold its [`super::DataDirLock`].
///
/// # Errors
/// When the file cannot be used; it is then as it was before.
pub fn migrate(path: &Path) -> Result<Migrated, OpenError> {
    let mut connection = connect_for_writing(path)?;
    migrate_open(path, &mut connection)
}

/// The connection of the writer, on a file with the right schema.
pub(super) fn open_writer(path: &Path, upgrade: Upgrade) -> Result<Connection, OpenError> {
    let mut connection = connect_for_writing(path)?;
    match upgrade {
        Upgrade::Automatic => {
            migrate_open(path, &mut connection)?;
        }
        Upgrade::Refused => check_version(path, &connection)?,
    }
    Ok(connection)
}

/// A connection for the thread that copies the write-ahead log back, on the file that the writer has just opened.
pub(super) fn open_second_writer(path: &Path) -> Result<Connection, OpenError> {
    connect_for_writing(path)
}

/// A connection that cannot write, on a file with the right schema.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | shared_flags())
        .and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -16384;")?;
            keep_plans(&connection)?;
            connection.set_prepared_statement_cache_capacity(64);
            Ok(connection)
        })
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    check_version(path, &connection)?;
    Ok(connection)
}

fn shared_flags() -> OpenFlags {
    // Each connection lives on one thread, so SQLite need not lock it.
    OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn connect_for_writing(path: &Path) -> Result<Connection, OpenError> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|cause| OpenError::Directory { path: directory.to_owned(), cause })?;
    }
    let failed = |error| OpenError::from_sqlite(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | shared_flags();
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    // SQLite opens a file it may not write for reading instead of failing.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(OpenError::NotWritable(path.to_owned()));
    }
    // Looked at before it is configured: the journal mode is written into the file, whoever's it is.
    let found = version_of(path, &connection)?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION });
    }
    configure_writer(&connection).map_err(failed)?;
    Ok(connection)
}

/// Full durability: every commit is synced (`synchronous = FULL` in WAL mode,
/// <https://www.sqlite.org/pragma.html#pragma_synchronous>).
fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -65536;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    keep_plans(connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Has a statement's plan depend on its text alone. Once tables were analysed SQLite otherwise looks at the values that are
/// bound and prepares a statement anew for other ones, with every row that is written here
/// (<https://www.sqlite.org/queryplanner-ng.html#qpstab>).
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn migrate_open(path: &Path, connection: &mut Connection) -> Result<Migrated, OpenError> {
    let from = version_of(path, connection)?;
    let mut steps = MIGRATIONS.map(M::up);
    steps[KEY_DIGESTS] = M::up_with_hook(MIGRATIONS[KEY_DIGESTS], |transaction: &Transaction<'_>| {
        digest_keys(transaction).map_err(HookError::from)
    });
    Migrations::new(steps.into()).to_latest(connection).map_err(|error| {
        if let rusqlite_migration::Error::RusqliteError { err, .. } = &error {
            OpenError::from_sqlite(path, err)
        } else {
            OpenError::other(path, &error)
        }
    })?;
    Ok(Migrated { from, to: SCHEMA_VERSION })
}

/// Fills in what SQLite cannot compute.
fn digest_keys(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut keys = transaction.prepare("SELECT rowid, merchant_id, idem_key FROM idem_response_cache")?;
    let mut fill = transaction.prepare("UPDATE idem_response_cache SET key_digest = ?2 WHERE rowid = ?1")?;
    let mut rows = keys.query([])?;
    while let Some(row) = rows.next()? {
        let digest = ClaimDigest::of_texts(row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?);
        fill.execute(params![row.get::<_, i64>(0)?, digest.0])?;
    }
    Ok(())
}

fn check_version(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    match version_of(path, connection)? {
        SCHEMA_VERSION => Ok(()),
        found if found > SCHEMA_VERSION => {
            Err(OpenError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION })
        }
        found => Err(OpenError::Older { path: path.to_owned(), found, needed: SCHEMA_VERSION }),
    }
}

/// The file's schema version, once it is seen to be this program's or empty.
fn version_of(path: &Path, connection: &Connection) -> Result<i64, OpenError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let read = || {
        let version = number("PRAGMA user_version")?;
        let application = number("PRAGMA application_id")?;
        let tables = number("SELECT count(*) FROM sqlite_schema")?;
        Ok((version, application, tables))
    };
    let (version, application, tables) = read().map_err(|error| OpenError::from_sqlite(path, &error))?;
    if application == APPLICATION_ID || tables == 0 {
        Ok(version)
    } else {
        Err(OpenError::Foreign(path.to_owned()))
    }
}
