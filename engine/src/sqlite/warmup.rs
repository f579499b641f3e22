//! Reading the index of keys once after a start, into the system's memory.
//!
//! Owns a thread for that. A new key's place in the index may be anywhere, so with millions of payments in a file that
//! nobody has read yet nearly every authorization waits for a page from the disk, in the one thread that writes.
//! Nobody waits for the reading, and nothing depends on it.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rusqlite::Connection;

/// How many keys are read: about a gibibyte of index, so that a larger one does not push everything else out.
const MOST_KEYS: u64 = 32_000_000;

/// Answered from the index alone.
const KEYS_BETWEEN: &str =
    "SELECT count(*) FROM idem_response_cache WHERE key_digest >= ?1 AND key_digest < ?2";

/// The thread; dropping it ends it.
pub(super) struct Warmup {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Warmup {
    /// Starts it on a connection of its own.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let thread = std::thread::Builder::new().name("sqlite-warmup".to_owned()).spawn(move || {
            if let Err(error) = read_all(&connection, &seen) {
                tracing::warn!(%error, "the index of keys could not be read ahead; new payments read it as they come");
            }
        })?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Warmup {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened, and nobody waits for anything of it.
            let _ = thread.join();
        }
    }
}

/// In portions, so that no snapshot is held for long, which would hold up checkpoints.
fn read_all(connection: &Connection, ended: &AtomicBool) -> rusqlite::Result<()> {
    let mut portion = connection.prepare(KEYS_BETWEEN)?;
    let read = (0..=u8::MAX).try_fold(0, |read: u64, first| {
        if ended.load(Ordering::Relaxed) || read >= MOST_KEYS {
            return ControlFlow::Break(Ok(()));
        }
        // Above every digest of sixteen bytes stand seventeen.
        let end = first.checked_add(1).map_or(vec![u8::MAX; 17], |next| vec![next]);
        match portion.query_row((&[first][..], end), |row| row.get::<_, i64>(0)) {
            Ok(keys) => ControlFlow::Continue(read + keys.unsigned_abs()),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    });
    read.break_value().unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::open::{Upgrade, open_writer};

    #[test]
    fn keys_are_read_from_their_index_and_not_from_the_table() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("payment.db");
        let connection = open_writer(&path, Upgrade::Automatic).expect("a new database");
        let plan: String = connection
            .query_row(&format!("EXPLAIN QUERY PLAN {KEYS_BETWEEN}"), [[0_u8], [1]], |row| row.get("detail"))
            .expect("a plan");
        assert!(plan.contains("USING COVERING INDEX"), "{plan}");
        read_all(&connection, &AtomicBool::new(false)).expect("every portion is read");
    }
}
