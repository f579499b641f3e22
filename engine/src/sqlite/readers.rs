//! The threads that read.
//!
//! Owns a few read-only connections. Readers see the last commit and never wait for the writer (write-ahead
//! log), so reads keep their speed while commits are under way.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use payment_actors::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failure::{Failure, guarded};

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// The queue's end that callers hold.
pub(super) struct Readers {
    queue: Option<mpsc::Sender<Query>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts one thread per connection.
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (queue, queries) = mpsc::channel();
        let queries = Arc::new(Mutex::new(queries));
        let threads = connections
            .into_iter()
            .map(|connection| {
                let queries = Arc::clone(&queries);
                std::thread::Builder::new()
                    .name("sqlite-reader".to_owned())
                    .spawn(move || serve(&connection, &queries))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { queue: Some(queue), threads })
    }

    /// Asks `query` on one of the connections.
    pub(super) async fn read<T, Q>(&self, query: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, done) = oneshot::channel();
        let task: Query = Box::new(move |connection| {
            // The caller may have stopped waiting.
            let _ = answer.send(guarded(|| query(connection)).map_err(StoreError::from));
        });
        let queue = self.queue.as_ref().expect("the queue is closed only by drop");
        queue.send(task).map_err(|_| ended())?;
        done.await.map_err(|_| ended())?
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the reader threads have ended; restart the program".to_owned())
}

fn serve(connection: &Connection, queries: &Mutex<mpsc::Receiver<Query>>) {
    loop {
        // The idle thread that holds the lock is the one that gets the next query.
        let next = queries.lock().recv();
        match next {
            Ok(query) => query(connection),
            Err(mpsc::RecvError) => return,
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            // A panic of the thread was already reported to whoever waited for it.
            let _ = thread.join();
        }
    }
}
