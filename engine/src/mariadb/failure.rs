//! What can go wrong between a statement and its caller.
//!
//! Owns the reading of the server's error numbers, and their translation into the port's errors, in words that say
//! what to do. Numbers: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.

use std::time::Duration;

use payment_actors::ports::StoreError;
use sqlx::mysql::MySqlDatabaseError;

/// Why a statement or a piece of work failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refused, or the connection broke.
    Sqlx(sqlx::Error),
    /// No answer within the time that was left; the connection cannot be used any more.
    TimedOut(Duration),
    /// A row holds what no version of this program writes.
    Unreadable(String),
    /// A payment is not at the version that a change was decided on.
    Moved,
}

/// What a failure means for the transaction it happened in. Nothing of it is committed in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A unique key is taken, or a payment was moved.
    Conflict,
    /// Others were in the way; the same transaction can go well next time.
    InTheWay,
    /// The connection is gone, and with it the transaction; another connection may do.
    ConnectionLost,
    /// Trying again would not help.
    Final,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Sqlx(error)
    }
}

impl Failure {
    /// A column whose value has no meaning.
    pub(super) fn unreadable(column: &str, value: impl std::fmt::Display) -> Self {
        Self::Unreadable(format!("column {column} holds {value}"))
    }

    /// What it means.
    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Self::Unreadable(_) | Self::TimedOut(_) => Meaning::Final,
            Self::Moved => Meaning::Conflict,
            Self::Sqlx(error) => match server_error(error) {
                Some(error) => meaning_of(error.number()),
                None if is_unreadable(error) => Meaning::Final,
                None => Meaning::ConnectionLost,
            },
        }
    }

    /// Whether the connection can go on being used.
    pub(super) fn spares_connection(&self) -> bool {
        match self {
            Self::Unreadable(_) | Self::Moved => true,
            Self::TimedOut(_) => false,
            Self::Sqlx(error) => server_error(error).is_some() && self.meaning() != Meaning::ConnectionLost,
        }
    }
}

/// The server's own error, if it is one.
pub(super) fn server_error(error: &sqlx::Error) -> Option<&MySqlDatabaseError> {
    error.as_database_error().and_then(|error| error.try_downcast_ref())
}

/// The row was read, its value was not what the code takes it for.
fn is_unreadable(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound
    )
}

fn meaning_of(number: u16) -> Meaning {
    match number {
        1062 | 1586 => Meaning::Conflict,
        // A row changed under the snapshot (1020), a lock waited for too long (1205), a deadlock (1213).
        1020 | 1205 | 1213 => Meaning::InTheWay,
        // Shutdown (1053), network (1158–1161), interrupted (1317), killed (1927).
        1053 | 1158..=1161 | 1317 | 1927 => Meaning::ConnectionLost,
        _ => Meaning::Final,
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreadable(what) => Self::Corrupt(what),
            Failure::Moved => Self::Unavailable("others kept changing the same payments".to_owned()),
            Failure::TimedOut(after) => Self::Unavailable(format!(
                "the database gave no answer within {} ms; look at its load and its host",
                after.as_millis()
            )),
            Failure::Sqlx(error) => match server_error(&error) {
                Some(refusal) => translate(refusal),
                None if is_unreadable(&error) => Self::Corrupt(error.to_string()),
                None => Self::Unavailable(format!("the connection to the database broke ({error})")),
            },
        }
    }
}

fn translate(error: &MySqlDatabaseError) -> StoreError {
    let unavailable = |words: &str| StoreError::Unavailable(format!("{words} ({error})"));
    match error.number() {
        1020 | 1205 | 1213 => unavailable("other transactions stayed in the way"),
        1040 | 1203 | 1226 => unavailable("the database has no connection left; raise its max_connections"),
        1021 | 1114 | 1041 | 1135 => unavailable("the database has no room left; free disk or memory"),
        1290 | 1792 | 1836 => unavailable("the database is open for reading only"),
        1044 | 1045 | 1142 | 1143 | 1227 => unavailable("the database account may not do this; grant it"),
        1054 | 1146 => {
            unavailable("the tables are not as this program makes them; run `payment-engine migrate`")
        }
        1969 => unavailable("the database ended the statement because it took too long"),
        1048 | 1062 | 1264 | 1364 | 1366 | 1406 | 1644 | 4025 => {
            StoreError::Corrupt(format!("a row would break the schema ({error})"))
        }
        _ => unavailable("the database refused"),
    }
}
