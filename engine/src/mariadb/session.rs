//! One conversation with the server: statements on one connection, by one deadline.
//!
//! Owns the time limit of each statement and the end of a transaction. What a session holds is at rest again only
//! after [`Session::rest`], [`Session::commit`] or [`Session::roll_back`]; dropped before, its connection is closed
//! and the server rolls back.

use std::time::Duration;

use futures_util::TryStreamExt;
use payment_actors::ports::StoreError;
use sqlx::mysql::{MySqlQueryResult, MySqlRow};
use sqlx::{Either, Executor, SqlSafeStr};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::pool::Lease;
use super::statements::Statement;

/// How long a commit may take; beyond it the outcome is unknown. Longer than a session's `lock_wait_timeout`, so
/// that a server which holds commits back gives up before its client does.
pub(super) const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// How long undoing may take.
const ROLLBACK_PATIENCE: Duration = Duration::from_secs(2);

/// A connection in use.
pub(super) struct Session {
    lease: Lease,
    begun: Instant,
    deadline: Instant,
}

impl Session {
    pub(super) fn new(lease: Lease, deadline: Instant) -> Self {
        Self { lease, begun: Instant::now(), deadline }
    }

    /// Runs a statement that changes something.
    pub(super) async fn run(&mut self, statement: Statement) -> Result<MySqlQueryResult, Failure> {
        match timeout_at(self.deadline, self.lease.connection().execute(statement)).await {
            Ok(done) => done.map_err(Failure::Sqlx),
            Err(_) => Err(Failure::TimedOut(self.begun.elapsed())),
        }
    }

    /// All rows of a question.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<MySqlRow>, Failure> {
        match timeout_at(self.deadline, self.lease.connection().fetch_all(statement)).await {
            Ok(rows) => rows.map_err(Failure::Sqlx),
            Err(_) => Err(Failure::TimedOut(self.begun.elapsed())),
        }
    }

    /// The only row of a question, if there is one.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<MySqlRow>, Failure> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Runs texts without values, several in one round trip.
    pub(super) async fn control(&mut self, texts: impl SqlSafeStr) -> Result<Vec<MySqlRow>, Failure> {
        self.control_by(self.deadline, texts).await
    }

    /// Runs texts without values that read, several in one round trip: the rows of each.
    pub(super) async fn sets(&mut self, texts: impl SqlSafeStr) -> Result<Vec<Vec<MySqlRow>>, Failure> {
        let mut answers = self.lease.connection().fetch_many(sqlx::raw_sql(texts));
        let (mut sets, mut rows) = (Vec::new(), Vec::new());
        loop {
            match timeout_at(self.deadline, answers.try_next()).await {
                Ok(Ok(Some(Either::Right(row)))) => rows.push(row),
                Ok(Ok(Some(Either::Left(_end)))) => sets.push(std::mem::take(&mut rows)),
                Ok(Ok(None)) => return Ok(sets),
                Ok(Err(error)) => return Err(Failure::Sqlx(error)),
                Err(_) => return Err(Failure::TimedOut(self.begun.elapsed())),
            }
        }
    }

    async fn control_by(
        &mut self,
        deadline: Instant,
        texts: impl SqlSafeStr,
    ) -> Result<Vec<MySqlRow>, Failure> {
        let texts = sqlx::raw_sql(texts);
        match timeout_at(deadline, self.lease.connection().fetch_all(texts)).await {
            Ok(rows) => rows.map_err(Failure::Sqlx),
            Err(_) => Err(Failure::TimedOut(self.begun.elapsed())),
        }
    }

    /// From here on every question sees the same moment.
    pub(super) async fn open_snapshot(&mut self) -> Result<(), Failure> {
        const OPEN: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
            START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
        self.control(OPEN).await.map(|_| ())
    }

    /// Questions see the present again.
    pub(super) async fn close_snapshot(&mut self) -> Result<(), Failure> {
        self.control("COMMIT").await.map(|_| ())
    }

    /// Ends a conversation without a transaction.
    pub(super) fn rest(self) {
        self.lease.give_back();
    }

    /// Makes the transaction durable. However it fails, only the tables can tell what became of it.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        match self.control_by(Instant::now() + COMMIT_PATIENCE, "COMMIT").await {
            Ok(_) => {
                self.lease.give_back();
                Ok(())
            }
            Err(failure) => {
                let cause = StoreError::from(failure);
                Err(StoreError::OutcomeUnknown(format!("commit not confirmed: {cause}")))
            }
        }
    }

    /// Undoes what was done and leaves the session without a transaction. A server error in the middle does not do
    /// that by itself: after a lock wait the transaction goes on.
    pub(super) async fn roll_back(&mut self) -> Result<(), Failure> {
        self.control_by(Instant::now() + ROLLBACK_PATIENCE, "ROLLBACK").await.map(|_| ())
    }

    /// The connection broke: others of its age are likely broken too.
    pub(super) fn forget_idle(&self) {
        self.lease.forget_idle();
    }
}
