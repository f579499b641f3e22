//! One open database: connections for writing, and others for reading, so that neither waits for the other.

use std::sync::Arc;
use std::time::Duration;

use payment_actors::ports::StoreError;

use super::options::{Access, Isolation, MariaDbOptions};
use super::pool::Pool;

/// How long goodbyes may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// What every session says first.
///
/// - A lock is waited for 2 s, then the transaction is undone and tried again.
/// - `lock_wait_timeout` ends a commit that the server holds back (a backup, a migration) before
///   [`super::session::COMMIT_PATIENCE`] does, so that its outcome is known.
/// - `idle_transaction_timeout` frees the locks of a client that was frozen in the middle of a transaction.
/// - `max_statement_time` ends what nobody waits for any more, see [`super::tries::CALL_PATIENCE`].
macro_rules! session_setup {
    ($($more:literal)?) => {
        concat!(
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
                autocommit = 1, innodb_lock_wait_timeout = 2, lock_wait_timeout = 3, max_statement_time = 5,
                idle_transaction_timeout = 10;",
            $($more)?
        )
    };
}

const READ_COMMITTED: &str =
    session_setup!("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE");
const REPEATABLE_READ: &str =
    session_setup!("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE");
const READ_ONLY: &str = session_setup!("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY");

/// The pools.
pub(super) struct Database {
    pub(super) readers: Arc<Pool>,
    writers: Option<Arc<Pool>>,
}

impl Database {
    pub(super) fn new(options: &MariaDbOptions) -> Self {
        let server = options.server.clone().database(&options.database);
        let readers = Pool::new(server.clone(), READ_ONLY, options.connections);
        let setup = match options.isolation {
            Isolation::ReadCommitted => READ_COMMITTED,
            Isolation::RepeatableRead => REPEATABLE_READ,
        };
        let writers = match options.access {
            Access::Write(_) => Some(Pool::new(server, setup, options.connections)),
            Access::Read => None,
        };
        Self { readers, writers }
    }

    /// The connections that may write.
    pub(super) fn writers(&self) -> Result<&Arc<Pool>, StoreError> {
        self.writers
            .as_ref()
            .ok_or_else(|| StoreError::Unavailable("the database is open for reading only".to_owned()))
    }

    /// Closes what nobody uses.
    pub(super) async fn close_idle(&self) {
        self.readers.close_idle(CLOSE_PATIENCE).await;
        if let Some(writers) = &self.writers {
            writers.close_idle(CLOSE_PATIENCE).await;
        }
    }
}
