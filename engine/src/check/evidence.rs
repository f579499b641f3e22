//! The sources that a check reads, and the order in which it reads them.
//!
//! Owns consistency between sources that keep changing. First the store, as of one moment; then the topics, up to
//! where they end after that moment; then the payment gateway's record. So each may be ahead of the one before but
//! never behind, and what is ahead is looked up in the store's present before anybody is blamed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::dossier::{Document, Dossier, OperationRow, StrayRow};
use super::merge::{self, Sources};
use super::pg_record::{PgRecord, PgRecordError};
use super::progress::Progress;
use super::scratch::Scratch;
use super::servers::Servers;
use super::topics;
use crate::kafka::{History, HistoryError, KafkaSettings};
use crate::mariadb::{self, MariaDbOptions};
use crate::sqlite::{self, open_reader};

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The embedded store's file cannot be used.
    #[error(transparent)]
    File(#[from] sqlite::OpenError),
    /// A database cannot be used.
    #[error(transparent)]
    Server(#[from] mariadb::OpenError),
    /// The store broke while it was read.
    #[error("the store cannot be read: {0}; look at it and try again")]
    Store(String),
    /// Databases that share the payments have the same one.
    #[error(
        "payment {0} is in more than one of the store's databases; remove it where its merchant's slot does not belong"
    )]
    TwoHomes(i64),
    /// The topics cannot be read.
    #[error(transparent)]
    Topics(#[from] HistoryError),
    /// The scratch file cannot be used.
    #[error("the scratch file cannot be used: {0}; make room where temporary files go (SQLITE_TMPDIR)")]
    Scratch(rusqlite::Error),
}

impl From<rusqlite::Error> for EvidenceError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.to_string())
    }
}

/// Where payments and their events are.
#[derive(Clone)]
pub enum World {
    /// The embedded store's file, with the event log inside or in Kafka.
    Embedded {
        /// The file.
        database: PathBuf,
        /// Kafka instead of the event log inside.
        topics: Option<KafkaSettings>,
    },
    /// Databases on servers, and Kafka.
    Servers {
        /// All databases that share the payments.
        databases: Vec<MariaDbOptions>,
        /// Kafka.
        topics: KafkaSettings,
    },
}

/// What the store says of a payment at this moment.
pub(super) struct Present {
    pub(super) last_event_seq: i64,
    /// None when the document cannot be read.
    operations: Vec<OperationRow>,
}

impl Present {
    pub(super) fn new(last_event_seq: i64, document: &str) -> Self {
        let document = serde_json::from_str::<Document>(document);
        Self { last_event_seq, operations: document.map_or_else(|_| Vec::new(), |read| read.operations) }
    }

    /// Whether the store knows an attempt at the payment gateway.
    pub(super) fn knows(&self, operation_no: u32, attempt: u32) -> bool {
        let mut operations = self.operations.iter();
        operations.any(|operation| operation.no == operation_no && operation.attempt >= attempt)
    }
}

/// Asks what the store says of a payment at this moment.
pub(super) type AskPresent<'a> = &'a dyn Fn(u64) -> Result<Option<Rc<Present>>, EvidenceError>;

/// What there is to judge.
pub(super) enum Exhibit<'a> {
    /// A payment that any source names.
    Payment(&'a Dossier),
    /// A record that names none, and what is wrong with it.
    Record(&'a StrayRow),
}

/// What could not be seen.
pub(super) struct Unseen {
    pub(super) pg: Result<(), PgRecordError>,
    /// Topics that lost their first records.
    pub(super) shortened: Vec<String>,
}

/// Every source but the gateway's record, opened for reading only; engines may be running on them.
pub struct Evidence {
    store: Store,
    kafka: Option<KafkaSettings>,
    progress: Progress,
    /// The last payment that somebody asked about: questions about one come together.
    asked: RefCell<Option<(u64, Option<Rc<Present>>)>>,
}

#[expect(clippy::large_enum_variant, reason = "a check has one store")]
enum Store {
    File {
        /// Holds one snapshot while it is read.
        snapshot: Connection,
        /// Sees the present.
        present: Connection,
    },
    Servers(Servers),
}

impl Evidence {
    /// Opens the store. `progress` is told in words how far a long reading came.
    ///
    /// # Errors
    /// When there is no store, or it is not one that this program can read.
    pub fn open(world: World, progress: impl Fn(&str) + 'static) -> Result<Self, EvidenceError> {
        let (store, kafka) = match world {
            World::Embedded { database, topics } => (Store::open_file(&database)?, topics),
            World::Servers { databases, topics } => {
                (Store::Servers(Servers::open(&databases)?), Some(topics))
            }
        };
        Ok(Self { store, kafka, progress: Progress::new(progress), asked: RefCell::default() })
    }

    /// Shows every payment's dossier, lowest id first, and then what is wrong with records of no payment.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub(super) fn scan(
        &self,
        pg: &PgRecord,
        mut show: impl FnMut(Exhibit<'_>) -> Result<(), EvidenceError>,
    ) -> Result<Unseen, EvidenceError> {
        self.read(None, pg, &mut show)
    }

    /// One payment's dossier; empty when nobody knows it.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub fn dossier(&self, id: u64, pg: &PgRecord) -> Result<Dossier, EvidenceError> {
        let mut found = Dossier { id, ..Dossier::default() };
        self.read(Some(id), pg, &mut |exhibit| {
            if let Exhibit::Payment(dossier) = exhibit {
                found = dossier.clone();
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn read(
        &self,
        only: Option<u64>,
        pg: &PgRecord,
        show: &mut dyn FnMut(Exhibit<'_>) -> Result<(), EvidenceError>,
    ) -> Result<Unseen, EvidenceError> {
        let scratch = Scratch::new()?;
        let snapshot = self.store.open_snapshot()?;
        // Behind the snapshot's beginning, and before the tables take their time.
        let history = self.kafka.as_ref().map(History::open).transpose()?;
        let store: &Connection = match (&snapshot, &self.store) {
            (Some(transaction), _) => transaction,
            (None, Store::Servers(servers)) => {
                servers.copy(&scratch, range(only), &self.progress)?;
                scratch.connection()
            }
            (None, Store::File { snapshot, .. }) => snapshot,
        };
        scratch.take_records(|sink| match &history {
            Some(history) => topics::read_kafka(history, only, sink, &self.progress),
            None => topics::read_table(store, only, sink),
        })?;
        scratch.put_aside(store)?;
        let record = scratch.take_record(pg, only)?;
        let shortened: Vec<String> = history
            .iter()
            .flat_map(|history| history.shortened().into_iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let sources = Sources {
            store,
            scratch: &scratch,
            range: range(only),
            sees_the_pg: record.is_ok(),
            sees_all_events: shortened.is_empty(),
        };
        merge::dossiers(&sources, &resolutions(store)?, &mut |dossier| show(Exhibit::Payment(dossier)))?;
        if only.is_none() {
            scratch.strays_of_nobody(&mut |stray| show(Exhibit::Record(stray)))?;
        }
        Ok(Unseen { pg: record, shortened })
    }

    /// What the store says of the payment at this moment.
    pub(super) fn present(&self, id: u64) -> Result<Option<Rc<Present>>, EvidenceError> {
        if let Some((last, known)) = &*self.asked.borrow()
            && *last == id
        {
            return Ok(known.clone());
        }
        let found = self.store.present(i64::try_from(id).unwrap_or(i64::MAX))?.map(Rc::new);
        *self.asked.borrow_mut() = Some((id, found.clone()));
        Ok(found)
    }
}

impl Store {
    fn open_file(database: &Path) -> Result<Self, EvidenceError> {
        Ok(Self::File { snapshot: open_reader(database)?, present: open_reader(database)? })
    }

    /// From here on the store is read as it is now. A file hands out the transaction to read in.
    fn open_snapshot(&self) -> Result<Option<Transaction<'_>>, EvidenceError> {
        match self {
            Self::File { snapshot, .. } => {
                let transaction = snapshot.unchecked_transaction()?;
                // A transaction sees what was committed when it first reads.
                transaction
                    .query_row("SELECT count(*) FROM (SELECT 1 FROM payment LIMIT 1)", [], |_| Ok(()))?;
                Ok(Some(transaction))
            }
            Self::Servers(servers) => {
                servers.open_snapshots()?;
                Ok(None)
            }
        }
    }

    fn present(&self, id: i64) -> Result<Option<Present>, EvidenceError> {
        const SQL: &str = "SELECT last_event_seq, document FROM payment WHERE payment_id = ?1";
        match self {
            Self::File { present, .. } => {
                let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
                let found: Option<(i64, String)> = present.query_row(SQL, [id], read).optional()?;
                Ok(found.map(|(last_event_seq, document)| Present::new(last_event_seq, &document)))
            }
            Self::Servers(servers) => servers.present(id),
        }
    }
}

/// The lowest and the highest payment id.
fn range(only: Option<u64>) -> [i64; 2] {
    let signed = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
    only.map_or([0, i64::MAX], |id| [signed(id), signed(id)])
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
