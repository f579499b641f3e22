//! What can go wrong between a statement and its caller.
//!
//! Owns the translation of SQLite's error codes into the port's errors, in words that say what to do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use payment_actors::ports::StoreError;
use rusqlite::ErrorCode;

/// Why a piece of work failed; nothing of it remains.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// A row holds what no version of this program writes.
    Unreadable(String),
    /// The work panicked; the panic's message is in the log.
    Panicked,
}

/// Does a piece of work so that a defect in it is its caller's failure, and not the end of the thread that all
/// callers share.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Nothing half changed is seen afterwards: the work's savepoint is rolled back, its statements are dropped.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Panicked))
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    /// A column whose value has no meaning.
    pub(super) fn unreadable(column: &str, value: impl std::fmt::Display) -> Self {
        Self::Unreadable(format!("column {column} holds {value}"))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreadable(what) => Self::Corrupt(what),
            Failure::Sqlite(error) => translate(&error),
            Failure::Panicked => Self::Corrupt("the store's own code failed; the log says where".to_owned()),
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "SQLite's codes are an open list; the rest have no remedy of their own"
)]
fn translate(error: &rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error_code() else {
        // Without a code it is a value of the wrong type or range in a row that was read.
        return StoreError::Corrupt(error.to_string());
    };
    let unavailable = |words: &str| StoreError::Unavailable(words.to_owned());
    match code {
        ErrorCode::DiskFull => unavailable("the disk is full; free some space"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            unavailable("another process holds the database; stop it or wait for it")
        }
        ErrorCode::SystemIoFailure => {
            StoreError::Unavailable(format!("the disk reports an error ({error}); look at the system's log"))
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            unavailable("the database cannot be written; check the permissions of its file and directory")
        }
        ErrorCode::CannotOpen => unavailable("a file of the database cannot be opened; check its directory"),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Corrupt(format!("the database file is damaged ({error}); restore a backup"))
        }
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch => {
            StoreError::Corrupt(format!("a row would break the schema ({error})"))
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}
