//! Checkpoints: copying the write-ahead log back into the database file.
//!
//! Owns the thread that does it, on a connection of its own, so that commits go on meanwhile. SQLite would do it within
//! a commit (<https://www.sqlite.org/wal.html#ckpt>), and everybody who waits for that commit would wait for some
//! thousand pages at random places of the file. The log starts over only when a commit finds all of it copied, which a
//! thread beside a busy writer never quite achieves; so the writer copies the last few pages itself. Never decides
//! what is durable: that is the log's own sync, at each commit.

use std::cell::Cell;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

/// How many pages, of 4 KiB, the log has when it is worth copying. More of them change the same page twice before it
/// is copied; fewer are copied, and synced, in less time.
const PAGES_BETWEEN: u32 = 4_096;

/// How many pages the writer copies itself, between two commits.
const PAGES_FOR_THE_WRITER: u32 = 512;

/// With so many pages the writer does all of it: a log that grows faster than it is copied fills the disk.
const MOST_PAGES: u32 = 4 * PAGES_BETWEEN;

thread_local! {
    /// How many pages the log had after this thread's last commit. The hook is a bare function, and the connection
    /// stays on its thread.
    static PAGES_IN_LOG: Cell<u32> = const { Cell::new(0) };
}

/// The writer's side.
pub(super) struct Checkpoints {
    orders: Option<Sender<()>>,
    done: Receiver<Option<Left>>,
    thread: Option<JoinHandle<()>>,
    under_way: bool,
    /// How long the log gets before the next round.
    next_at: u32,
}

/// What a round left of the log: pages that came meanwhile, or that a reader still needs to be where they are.
struct Left(u32);

impl Checkpoints {
    /// Starts the thread on a connection of its own.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (orders, rounds) = mpsc::channel();
        let (answers, done) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("sqlite-ckpt".to_owned())
            .spawn(move || serve(&connection, &rounds, &answers))?;
        Ok(Self {
            orders: Some(orders),
            done,
            thread: Some(thread),
            under_way: false,
            next_at: PAGES_BETWEEN,
        })
    }

    /// Has the commits of `writer` counted, and SQLite's own checkpoints, which take the same hook, left out. For the
    /// thread that commits.
    pub(super) fn count_commits_of(writer: &Connection) {
        writer.wal_hook(Some(|_: &Wal, pages| {
            PAGES_IN_LOG.set(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }));
    }

    /// To be called between transactions: begins a round when it is time, and ends one that is all but done.
    pub(super) fn between_commits(&mut self, writer: &Connection) {
        let pages = PAGES_IN_LOG.get();
        if self.under_way {
            let Ok(left) = self.done.try_recv() else { return };
            self.under_way = false;
            // What came since the round ended belongs to what is left of it.
            self.next_at = pages.saturating_add(PAGES_FOR_THE_WRITER);
            if left.is_some_and(|Left(pages)| pages <= PAGES_FOR_THE_WRITER) {
                let _ = checkpoint(writer);
            }
            return;
        }
        if pages < PAGES_BETWEEN {
            self.next_at = PAGES_BETWEEN;
        }
        if pages < self.next_at {
            return;
        }
        let ordered =
            pages < MOST_PAGES && self.orders.as_ref().is_some_and(|orders| orders.send(()).is_ok());
        if ordered {
            self.under_way = true;
        } else {
            let _ = checkpoint(writer);
            self.next_at = pages.saturating_add(PAGES_BETWEEN);
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread left the log as it was, which whoever closes the file last copies.
            let _ = thread.join();
        }
    }
}

fn serve(connection: &Connection, rounds: &Receiver<()>, answers: &Sender<Option<Left>>) {
    while let Ok(()) = rounds.recv() {
        if answers.send(checkpoint(connection)).is_err() {
            return;
        }
    }
}

/// Copies what no reader needs in the log any more and nobody else is copying, without waiting for anybody. Says what
/// is left; nothing when it failed, which loses nothing, since the log stays.
fn checkpoint(connection: &Connection) -> Option<Left> {
    let round = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (in_log, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(in_log - copied)
    });
    match round {
        Ok(left) => u32::try_from(left).ok().map(Left),
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be copied into the database; look at the disk");
            None
        }
    }
}
