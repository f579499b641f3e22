//! The threads that read.
//!
//! Owns a few read-only connections. Readers see the last commit and never wait for the writer (write-ahead
//! log), so reads keep their speed while commits are under way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{JoinHandle, Thread};

use parking_lot::Mutex;
use payment_actors::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failure::{Failure, guarded};

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// Where callers leave queries and threads take them.
#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    queries: VecDeque<Query>,
    /// Threads with nothing to do, the one that read last at the end: it is asked first, because its connection's
    /// cache holds what was read last.
    idle: Vec<Thread>,
    closed: bool,
}

/// The end that callers hold.
pub(super) struct Readers {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts one thread per connection.
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let mut readers = Self { desk: Arc::default(), threads: Vec::with_capacity(connections.len()) };
        for connection in connections {
            let desk = Arc::clone(&readers.desk);
            let serve = move || {
                while let Some(query) = desk.next() {
                    query(&connection);
                }
            };
            readers.threads.push(std::thread::Builder::new().name("sqlite-reader".to_owned()).spawn(serve)?);
        }
        Ok(readers)
    }

    /// Asks `query` on one of the connections.
    pub(super) async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, done) = oneshot::channel();
        self.desk.leave(Box::new(move |connection| {
            // The caller may have stopped waiting.
            let _ = answer.send(guarded(|| query(connection)).map_err(StoreError::from));
        }));
        done.await.map_err(|_| ended())?
    }
}

impl Desk {
    /// One thread is woken for one query; a busy one that is done sooner may take it before.
    fn leave(&self, query: Query) {
        let mut waiting = self.waiting.lock();
        waiting.queries.push_back(query);
        let reader = waiting.idle.pop();
        drop(waiting);
        if let Some(reader) = reader {
            reader.unpark();
        }
    }

    /// The next query, as soon as there is one; nothing once the desk is closed and empty.
    fn next(&self) -> Option<Query> {
        let this = std::thread::current();
        loop {
            let mut waiting = self.waiting.lock();
            // Still there when it was woken without a reason.
            waiting.idle.retain(|thread| thread.id() != this.id());
            if let Some(query) = waiting.queries.pop_front() {
                return Some(query);
            }
            if waiting.closed {
                return None;
            }
            waiting.idle.push(this.clone());
            drop(waiting);
            std::thread::park();
        }
    }

    fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        for reader in waiting.idle.drain(..) {
            reader.unpark();
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the reader threads have ended; restart the program".to_owned())
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.desk.close();
        for thread in self.threads.drain(..) {
            // A panic of the thread was already reported to whoever waited for it.
            let _ = thread.join();
        }
    }
}
