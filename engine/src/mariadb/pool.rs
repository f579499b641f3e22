//! Connections, opened when they are needed and kept for the next.
//!
//! Owns how many there are and which of them may be used again: only one that was handed back at rest, with nothing
//! unread and no transaction open. Everything else that happens to a connection (a time limit, a broken pipe, a
//! caller that went away in the middle) ends it, and the server rolls back what it had open.
//!
//! Not sqlx's own pool, for two reasons. That one asks the server twice around each use whether the connection is
//! still there; here the first statement finds out, see [`super::tries`]. And a connection is woken by the runtime it
//! was opened on: taking one from another thread's runtime costs two thread hops for each statement, so whoever
//! asks gets one of its own runtime where there is one.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;

/// How long making a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

/// How long to wait for a connection that others use.
const TURN_PATIENCE: Duration = Duration::from_secs(2);

/// A connection that nobody wanted for so long is closed: firewalls forget it, and the server's `wait_timeout` may.
const MOST_IDLE: Duration = Duration::from_secs(60);

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// All are in use.
    Busy(u32),
    /// None could be made.
    Failed(Failure),
}

/// At most so many connections, all set up alike.
pub(super) struct Pool {
    server: MySqlConnectOptions,
    /// What a new session says first.
    setup: &'static str,
    most: u32,
    permits: Arc<Semaphore>,
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// The last one handed back is the last in the list, and the first to be used again.
    idle: Vec<Idle>,
    /// Idle, in use or being made.
    open: u32,
}

struct Idle {
    connection: MySqlConnection,
    runtime: runtime::Id,
    since: Instant,
}

impl Pool {
    pub(super) fn new(server: MySqlConnectOptions, setup: &'static str, most: u32) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        Arc::new(Self { server, setup, most, permits, shelf: Mutex::default() })
    }

    /// A connection, by the deadline or sooner.
    pub(super) async fn lease(self: &Arc<Self>, deadline: Instant) -> Result<Lease, NoConnection> {
        let turn = deadline.min(Instant::now() + TURN_PATIENCE);
        let permit = match timeout_at(turn, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(permit) => permit.expect("nobody closes the semaphore"),
            Err(_) => return Err(NoConnection::Busy(self.most)),
        };
        let here = runtime::Handle::current().id();
        let (connection, runtime) = self.take(here).unzip();
        let runtime = runtime.unwrap_or(here);
        let mut lease =
            Lease { pool: Arc::clone(self), connection, runtime, at_rest: false, _permit: permit };
        if lease.connection.is_none() {
            lease.connection = Some(self.connect(deadline).await.map_err(NoConnection::Failed)?);
        }
        Ok(lease)
    }

    /// An idle connection of this runtime; another's when there is no room for one more. `None`: make one, it is
    /// counted already.
    fn take(&self, here: runtime::Id) -> Option<(MySqlConnection, runtime::Id)> {
        let mut shelf = self.shelf.lock();
        let before = shelf.idle.len();
        shelf.idle.retain(|idle| idle.since.elapsed() < MOST_IDLE);
        let closed = before - shelf.idle.len();
        shelf.open -= u32::try_from(closed).expect("there are fewer than permits");
        let own = shelf.idle.iter().rposition(|idle| idle.runtime == here);
        let place = match own {
            Some(place) => Some(place),
            None if shelf.open >= self.most => shelf.idle.len().checked_sub(1),
            None => None,
        };
        match place {
            Some(place) => {
                let Idle { connection, runtime, .. } = shelf.idle.remove(place);
                Some((connection, runtime))
            }
            None => {
                shelf.open += 1;
                None
            }
        }
    }

    async fn connect(&self, deadline: Instant) -> Result<MySqlConnection, Failure> {
        let patience = deadline.min(Instant::now() + CONNECT_PATIENCE);
        let made = async {
            let mut connection = self.server.connect().await?;
            connection.execute(self.setup).await?;
            Ok(connection)
        };
        match timeout_at(patience, made).await {
            Ok(made) => made.map_err(Failure::Sqlx),
            Err(_) => Err(Failure::TimedOut(CONNECT_PATIENCE)),
        }
    }

    /// Closes what nobody uses: one connection broke, so its neighbours are likely dead too.
    pub(super) fn forget_idle(&self) {
        let forgotten = {
            let mut shelf = self.shelf.lock();
            let idle = std::mem::take(&mut shelf.idle);
            shelf.open -= u32::try_from(idle.len()).expect("there are fewer than permits");
            idle
        };
        drop(forgotten);
    }

    /// Says goodbye on every connection that nobody uses.
    pub(super) async fn close_idle(&self, patience: Duration) {
        let idle = std::mem::take(&mut self.shelf.lock().idle);
        self.shelf.lock().open -= u32::try_from(idle.len()).expect("there are fewer than permits");
        let deadline = Instant::now() + patience;
        for Idle { connection, .. } in idle {
            // A server that does not listen any more closes them by itself.
            let _closed = timeout_at(deadline, connection.close()).await;
        }
    }
}

/// A connection in use. Dropped without [`Lease::give_back`] it is closed.
pub(super) struct Lease {
    pool: Arc<Pool>,
    /// `None` only while it is made.
    connection: Option<MySqlConnection>,
    /// Where it was opened.
    runtime: runtime::Id,
    at_rest: bool,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        self.connection.as_mut().expect("a lease is handed out with its connection")
    }

    /// The next may have it: everything was read and no transaction is open.
    pub(super) fn give_back(mut self) {
        self.at_rest = true;
    }

    /// See [`Pool::forget_idle`].
    pub(super) fn forget_idle(&self) {
        self.pool.forget_idle();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Closed without goodbye, which an unfinished conversation could not carry.
        let kept = self.connection.take().filter(|_| self.at_rest);
        let mut shelf = self.pool.shelf.lock();
        match kept {
            Some(connection) => {
                let runtime = self.runtime;
                shelf.idle.push(Idle { connection, runtime, since: Instant::now() });
            }
            None => shelf.open -= 1,
        }
    }
}
