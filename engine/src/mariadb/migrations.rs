//! Bringing the schema up to date.
//!
//! Owns the migrations and the record of those that were made. MariaDB commits each change of the schema by itself,
//! so a migration that is cut short stays half done: every statement of it can be run again, and it is recorded only
//! behind its last one. A lock keeps processes that start at the same time from each other. Never reads a payment.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::{Executor, Row};
use tokio::time::Instant;

use super::open::OpenError;
use crate::sqlite::Migrated;

/// Each takes the schema to the next version. They are history: never changed, only added to.
const MIGRATIONS: [(&str, &str); 6] = [
    ("0001_payments", include_str!("../../../schema/mariadb/0001_payments.sql")),
    ("0002_outbox", include_str!("../../../schema/mariadb/0002_outbox.sql")),
    ("0003_ledger", include_str!("../../../schema/mariadb/0003_ledger.sql")),
    ("0004_api_keys", include_str!("../../../schema/mariadb/0004_api_keys.sql")),
    ("0005_flat", include_str!("../../../schema/mariadb/0005_flat.sql")),
    ("0006_in_place", include_str!("../../../schema/mariadb/0006_in_place.sql")),
];

/// The schema version this program works with: how many migrations there are.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// How long to wait for another process that migrates.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// How long the server is asked to wait for it at a time.
const TAKE_LOCK: &str =
    "SELECT COALESCE(GET_LOCK(CONCAT('payment-engine:', SHA1(DATABASE())), 1), 0) = 1 AS taken";
const RELEASE_LOCK: &str = "DO RELEASE_LOCK(CONCAT('payment-engine:', SHA1(DATABASE())))";

const RECORDS: &str = "
    CREATE TABLE IF NOT EXISTS schema_migration (
        version    BIGINT       NOT NULL PRIMARY KEY,
        name       VARCHAR(64)  NOT NULL,
        applied_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
    ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";

/// What there is in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// No table at all.
    Nothing,
    /// Tables, but none of this program's records.
    Foreign,
    /// This program's schema of this version.
    Version(i64),
}

/// Looks without changing anything.
pub(super) async fn look(connection: &mut MySqlConnection) -> Result<Found, sqlx::Error> {
    const TABLES: &str = "
        SELECT COUNT(*) AS tables, COUNT(CASE WHEN table_name = 'schema_migration' THEN 1 END) AS records
        FROM information_schema.tables WHERE table_schema = DATABASE()";
    let counts = connection.fetch_one(TABLES).await?;
    let (tables, records): (i64, i64) = (counts.try_get("tables")?, counts.try_get("records")?);
    if records == 0 {
        return Ok(if tables == 0 { Found::Nothing } else { Found::Foreign });
    }
    let newest = "SELECT COALESCE(MAX(version), 0) AS version FROM schema_migration";
    Ok(Found::Version(connection.fetch_one(newest).await?.try_get("version")?))
}

/// Runs what was not run before, alone.
pub(super) async fn run(connection: &mut MySqlConnection, target: &str) -> Result<Migrated, OpenError> {
    take_lock(connection, target).await?;
    let done = run_locked(connection, target).await;
    // The lock goes with the connection too, should this not arrive.
    let released = connection.execute(RELEASE_LOCK).await;
    let migrated = done?;
    released.map_err(|error| OpenError::from_sqlx(target, &error))?;
    Ok(migrated)
}

async fn take_lock(connection: &mut MySqlConnection, target: &str) -> Result<(), OpenError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    while Instant::now() < deadline {
        let row =
            connection.fetch_one(TAKE_LOCK).await.map_err(|error| OpenError::from_sqlx(target, &error))?;
        if row.try_get("taken").map_err(|error| OpenError::from_sqlx(target, &error))? {
            return Ok(());
        }
    }
    Err(OpenError::MigrationHeld(target.to_owned()))
}

async fn run_locked(connection: &mut MySqlConnection, target: &str) -> Result<Migrated, OpenError> {
    let from = match look(connection).await.map_err(|error| OpenError::from_sqlx(target, &error))? {
        Found::Nothing => 0,
        Found::Version(version) => version,
        Found::Foreign => return Err(OpenError::Foreign(target.to_owned())),
    };
    if from > SCHEMA_VERSION {
        return Err(OpenError::Newer { target: target.to_owned(), found: from, known: SCHEMA_VERSION });
    }
    connection.execute(RECORDS).await.map_err(|error| OpenError::from_sqlx(target, &error))?;
    for (version, (name, text)) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > from) {
        run_one(connection, version, name, text).await.map_err(|error| OpenError::Migration {
            target: target.to_owned(),
            name,
            cause: error.to_string(),
        })?;
        tracing::info!(version, name, "schema migrated");
    }
    Ok(Migrated { from, to: SCHEMA_VERSION })
}

async fn run_one(
    connection: &mut MySqlConnection,
    version: i64,
    name: &str,
    text: &'static str,
) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(text)).await?;
    let record = sqlx::query("INSERT INTO schema_migration (version, name) VALUES (?, ?)");
    connection.execute(record.bind(version).bind(name.to_owned())).await.map(|_| ())
}
