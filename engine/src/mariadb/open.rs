//! Opening a database: reaching it, creating it, checking what is in it.
//!
//! Owns what can be wrong before the first payment, in words for whoever starts the program. Never reads a payment.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};

use super::failure::server_error;
use super::migrations::{self, Found, SCHEMA_VERSION};
use super::options::{Access, MariaDbOptions};
use crate::sqlite::{Migrated, Upgrade};

/// How long the first connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// `SKIP LOCKED` came with 10.6.
const OLDEST_SERVER: (u32, u32) = (10, 6);

/// What to connect to while the database is still to be made.
const ON_EVERY_SERVER: &str = "information_schema";

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not understood.
    #[error("the store's address is not understood: {0}")]
    Url(String),
    /// There is no answer.
    #[error("no MariaDB answers for {target}: {cause}; start it, or correct store.url")]
    Unreachable {
        /// The database, without password.
        target: String,
        /// Why.
        cause: String,
    },
    /// No encrypted connection can be made, or the certificate is not trusted.
    #[error(
        "no trusted connection to {target}: {cause}; give the server a certificate and name its authority with \
         ssl-ca=FILE, or accept a plain connection with ssl-mode=disabled"
    )]
    Tls {
        /// The database, without password.
        target: String,
        /// Why.
        cause: String,
    },
    /// The account is refused.
    #[error(
        "the account is refused by {target}: {cause}; correct user and password, or grant it the database"
    )]
    Refused {
        /// The database, without password.
        target: String,
        /// What the server said.
        cause: String,
    },
    /// There is no such database, and none is to be made.
    #[error("there is no database {0}; run `payment-engine migrate`, or correct store.url")]
    Missing(String),
    /// The server cannot do what the store needs.
    #[error("{target} is served by {version}; MariaDB 10.6 or later is needed")]
    Server {
        /// The database, without password.
        target: String,
        /// What the server says it is.
        version: String,
    },
    /// The tables are another program's.
    #[error("{0} holds tables of another program; name an empty database in store.url")]
    Foreign(String),
    /// A newer program wrote the schema.
    #[error("{target} has schema version {found}, this program knows up to {known}; use the newer program")]
    Newer {
        /// The database, without password.
        target: String,
        /// Its schema version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// An older program wrote the schema, and it is not to be migrated now.
    #[error("{target} has schema version {found}, this program needs {needed}; run `payment-engine migrate`")]
    Older {
        /// The database, without password.
        target: String,
        /// Its schema version.
        found: i64,
        /// The version needed.
        needed: i64,
    },
    /// Another process has been migrating for a minute.
    #[error("another process is migrating {0}; wait for it to finish, then start again")]
    MigrationHeld(String),
    /// A migration failed.
    #[error("{target} could not be brought up to date by {name}: {cause}; remove the cause and start again")]
    Migration {
        /// The database, without password.
        target: String,
        /// The migration.
        name: &'static str,
        /// What the server said.
        cause: String,
    },
    /// Anything else.
    #[error("{target} cannot be opened: {cause}")]
    Other {
        /// The database, without password.
        target: String,
        /// Why.
        cause: String,
    },
}

impl OpenError {
    pub(super) fn from_sqlx(target: &str, error: &sqlx::Error) -> Self {
        let (target, cause) = (target.to_owned(), error.to_string());
        match server_error(error).map(sqlx::mysql::MySqlDatabaseError::number) {
            Some(1044 | 1045 | 1130 | 1142 | 1227 | 1698) => Self::Refused { target, cause },
            Some(1049) => Self::Missing(target),
            Some(_) => Self::Other { target, cause },
            None if is_about_trust(error) => Self::Tls { target, cause },
            None => Self::Unreachable { target, cause },
        }
    }
}

/// rustls hands on a certificate that it does not trust as invalid data.
fn is_about_trust(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Io(error) = error {
        error.kind() == std::io::ErrorKind::InvalidData
    } else {
        matches!(error, sqlx::Error::Tls(_))
    }
}

/// Makes sure that the store can work with the database.
pub(super) async fn prepare(options: &MariaDbOptions) -> Result<(), OpenError> {
    match options.access {
        Access::Write(Upgrade::Automatic) => migrate(options).await.map(|_| ()),
        Access::Write(Upgrade::Refused) | Access::Read => check(options).await,
    }
}

/// Creates the database when it is missing and brings its schema up to date.
pub(super) async fn migrate(options: &MariaDbOptions) -> Result<Migrated, OpenError> {
    let target = options.target();
    let mut connection = match first_connection(options, &options.database).await {
        Err(OpenError::Missing(_)) => {
            create_database(options).await?;
            first_connection(options, &options.database).await?
        }
        connected => connected?,
    };
    let migrated = migrations::run(&mut connection, &target).await;
    close(connection).await;
    migrated
}

async fn check(options: &MariaDbOptions) -> Result<(), OpenError> {
    close(checked_connection(options).await?).await;
    Ok(())
}

/// A connection to a database that has the schema this program knows.
async fn checked_connection(options: &MariaDbOptions) -> Result<MySqlConnection, OpenError> {
    let target = options.target();
    let mut connection = first_connection(options, &options.database).await?;
    let failed = |error| OpenError::from_sqlx(&target, &error);
    match migrations::look(&mut connection).await.map_err(failed)? {
        Found::Version(SCHEMA_VERSION) => Ok(connection),
        Found::Version(found) if found > SCHEMA_VERSION => {
            Err(OpenError::Newer { target, found, known: SCHEMA_VERSION })
        }
        Found::Version(found) => Err(OpenError::Older { target, found, needed: SCHEMA_VERSION }),
        Found::Nothing => Err(OpenError::Older { target, found: 0, needed: SCHEMA_VERSION }),
        Found::Foreign => Err(OpenError::Foreign(target)),
    }
}

/// A connection for whoever reads the tables as they are: it cannot write, and nothing ends it for taking long.
pub(super) async fn raw_connection(options: &MariaDbOptions) -> Result<MySqlConnection, OpenError> {
    const SETUP: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY;
        SET SESSION max_statement_time = 0, idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0";
    let mut connection = checked_connection(options).await?;
    let set_up = connection.execute(sqlx::raw_sql(SETUP)).await;
    set_up.map_err(|error| OpenError::from_sqlx(&options.target(), &error))?;
    Ok(connection)
}

async fn create_database(options: &MariaDbOptions) -> Result<(), OpenError> {
    let name = options.database.replace('`', "``");
    let text =
        format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");
    let mut connection = first_connection(options, ON_EVERY_SERVER).await?;
    // The name is quoted as an identifier, and comes from whoever configures the program.
    let created = connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await;
    close(connection).await;
    created.map(|_| ()).map_err(|error| OpenError::from_sqlx(&options.target(), &error))
}

/// A connection without the time limits of the pools' sessions: a migration takes as long as it takes.
async fn first_connection(options: &MariaDbOptions, database: &str) -> Result<MySqlConnection, OpenError> {
    let target = options.target();
    let server = options.server.clone().database(database);
    let mut connection = match tokio::time::timeout(CONNECT_PATIENCE, server.connect()).await {
        Ok(connected) => connected.map_err(|error| OpenError::from_sqlx(&target, &error))?,
        Err(_) => {
            let cause = format!("no answer within {} s", CONNECT_PATIENCE.as_secs());
            return Err(OpenError::Unreachable { target, cause });
        }
    };
    check_server(&mut connection, &target).await?;
    Ok(connection)
}

async fn check_server(connection: &mut MySqlConnection, target: &str) -> Result<(), OpenError> {
    let failed = |error| OpenError::from_sqlx(target, &error);
    let row = connection.fetch_one("SELECT VERSION() AS version").await.map_err(failed)?;
    let version: String = row.try_get("version").map_err(failed)?;
    if is_new_enough(&version) {
        Ok(())
    } else {
        Err(OpenError::Server { target: target.to_owned(), version })
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    let release = numbers.next().flatten().zip(numbers.next().flatten());
    version.contains("MariaDB") && release.is_some_and(|release| release >= OLDEST_SERVER)
}

async fn close(connection: MySqlConnection) {
    // What mattered was read; a goodbye that does not arrive changes nothing.
    let _closed = connection.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_apart_by_what_they_say() {
        let cases = [
            ("10.11.19-MariaDB-0+deb12u1", true),
            ("10.6.0-MariaDB", true),
            ("11.8.2-MariaDB-log", true),
            ("10.5.27-MariaDB", false),
            ("8.4.3", false),
        ];
        for (version, fits) in cases {
            assert_eq!(is_new_enough(version), fits, "{version}");
        }
    }
}
