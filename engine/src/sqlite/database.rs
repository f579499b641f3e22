//! One open database file: its writer, its readers, and who waits for its event log.

use std::path::Path;

use payment_actors::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::watch;

use super::checkpoints::Checkpoints;
use super::failure::Failure;
use super::open::{OpenError, Upgrade, open_reader, open_second_writer, open_writer};
use super::readers::Readers;
use super::warmup::Warmup;
use super::writer::{Session, Writer};

/// How many threads read. Reads are short, and most of what is asked is in an actor's memory.
const READERS: usize = 2;

/// The threads and their queues. Dropping it finishes what is queued and closes the file.
pub(super) struct Database {
    // In this order: the last connection to close copies the write-ahead log into the file, which a reader cannot.
    _warmup: Option<Warmup>,
    readers: Readers,
    writer: Option<Writer>,
    log_grew: watch::Sender<u64>,
}

impl Database {
    /// Opens for reading and writing.
    pub(super) fn open(path: &Path, upgrade: Upgrade) -> Result<Self, OpenError> {
        let connection = open_writer(path, upgrade)?;
        let log_grew = watch::Sender::new(0);
        let readers = start_readers(path)?;
        let checkpoints = Checkpoints::start(open_second_writer(path)?);
        let writer = checkpoints
            .and_then(|checkpoints| Writer::start(connection, checkpoints, log_grew.clone()))
            .map_err(|error| OpenError::other(path, error))?;
        let warmup = Warmup::start(open_reader(path)?).map_err(|error| OpenError::other(path, error))?;
        Ok(Self { _warmup: Some(warmup), readers, writer: Some(writer), log_grew })
    }

    /// Opens for reading only, beside a running engine or without one.
    pub(super) fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        let readers = start_readers(path)?;
        Ok(Self { _warmup: None, readers, writer: None, log_grew: watch::Sender::new(0) })
    }

    /// Has `work` done by the writer and committed; it may be done more than once, and all but the last time undone.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Fn(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(work).await,
            None => Err(StoreError::Unavailable("the database is open for reading only".to_owned())),
        }
    }

    /// Asks a reader.
    pub(super) async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.readers.read(query).await
    }

    /// Whether readers and writer answer. The writer's share is an empty transaction, which costs no sync but
    /// tells whether somebody else holds the file.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT next_sequence FROM payment_sequence";
        self.read(|connection| Ok(connection.prepare_cached(SQL)?.query_row([], |_| Ok(()))?)).await?;
        match &self.writer {
            Some(writer) => writer.write(|_| Ok(())).await,
            None => Ok(()),
        }
    }

    /// Counts commits that added to the event log.
    pub(super) fn log_growth(&self) -> watch::Receiver<u64> {
        self.log_grew.subscribe()
    }
}

fn start_readers(path: &Path) -> Result<Readers, OpenError> {
    let connections = (0..READERS).map(|_| open_reader(path)).collect::<Result<_, _>>()?;
    Readers::start(connections).map_err(|error| OpenError::other(path, error))
}
