//! The sources that a check reads, and the order in which it reads them.
//!
//! Owns consistency between sources that keep changing: tables and topics are read in one snapshot, the payment
//! gateway's record after it, so that it may be ahead of the store but never behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::dossier::{Document, Dossier};
use super::merge::{self, Sources};
use super::pg_record::{PgRecord, PgRecordError};
use super::scratch::Scratch;

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The database is not there.
    #[error("there is no database at {0}; name its directory with --data-dir")]
    Missing(String),
    /// The database cannot be read.
    #[error("the store cannot be read: {0}")]
    Store(#[from] rusqlite::Error),
}

/// One attempt at the payment gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The payment.
    pub(super) payment: u64,
    /// The operation's number.
    pub(super) operation_no: u32,
    /// The attempt.
    pub(super) attempt: u32,
}

/// The embedded store's file, opened for reading only; an engine may be running on it.
pub struct Evidence {
    /// Holds one snapshot during a scan.
    snapshot: Connection,
    /// Sees the present.
    present: Connection,
}

impl Evidence {
    /// Opens the database at this path.
    ///
    /// # Errors
    /// When there is none or it cannot be opened.
    pub fn open(database: &Path) -> Result<Self, EvidenceError> {
        if !database.exists() {
            return Err(EvidenceError::Missing(database.display().to_string()));
        }
        Ok(Self { snapshot: open(database)?, present: open(database)? })
    }

    /// Shows every payment's dossier, lowest id first. The inner result says whether the gateway's record was seen.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn scan(
        &self,
        pg: &PgRecord,
        mut show: impl FnMut(&Dossier) -> Result<(), EvidenceError>,
    ) -> Result<Result<(), PgRecordError>, EvidenceError> {
        let snapshot = self.snapshot.unchecked_transaction()?;
        let mut scratch = Scratch::new()?;
        scratch.take_events(&snapshot, None)?;
        let record = scratch.take_record(pg)?;
        let sources =
            Sources { store: &snapshot, scratch: &scratch, sees_the_pg: record.is_ok(), only: None };
        merge::dossiers(&sources, &resolutions(&snapshot)?, &mut show)?;
        snapshot.finish()?;
        Ok(record)
    }

    /// One payment's dossier; empty when nobody knows it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn dossier(&self, id: u64, pg: &PgRecord) -> Result<Dossier, EvidenceError> {
        let snapshot = self.snapshot.unchecked_transaction()?;
        let mut scratch = Scratch::new()?;
        scratch.take_events(&snapshot, Some(id))?;
        let record = scratch.take_record(pg)?;
        let sources =
            Sources { store: &snapshot, scratch: &scratch, sees_the_pg: record.is_ok(), only: Some(id) };
        let mut found = Dossier { id, ..Dossier::default() };
        merge::dossiers(&sources, &resolutions(&snapshot)?, &mut |dossier| {
            found = dossier.clone();
            Ok(())
        })?;
        snapshot.finish()?;
        Ok(found)
    }

    /// Whether the store knows the attempt at this moment.
    pub(super) fn knows_by_now(&self, asked: Asked) -> Result<bool, EvidenceError> {
        const SQL: &str = "SELECT document FROM payment WHERE payment_id = ?1";
        let id = i64::try_from(asked.payment).unwrap_or(i64::MAX);
        let found: Option<String> = self.present.query_row(SQL, [id], |row| row.get(0)).optional()?;
        let document = found.and_then(|text| serde_json::from_str::<Document>(&text).ok());
        let mut operations = document.into_iter().flat_map(|document| document.operations);
        Ok(operations
            .any(|operation| operation.no == asked.operation_no && operation.attempt >= asked.attempt))
    }
}

fn open(database: &Path) -> Result<Connection, EvidenceError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// How often operators settled an outcome of each payment, by the audit. There are few of them.
fn resolutions(store: &Connection) -> Result<BTreeMap<u64, usize>, EvidenceError> {
    let mut statement =
        store.prepare("SELECT target FROM audit WHERE what = 'resolve' AND outcome = 'done'")?;
    let mut rows = statement.query([])?;
    let mut counts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let target: String = row.get(0)?;
        // The target names the payment, whatever else it says.
        let number =
            target.split(|character: char| !character.is_ascii_digit()).find(|part| !part.is_empty());
        if let Some(id) = number.and_then(|digits| digits.parse().ok()) {
            *counts.entry(id).or_insert(0) += 1;
        }
    }
    Ok(counts)
}
