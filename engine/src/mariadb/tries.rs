//! Trying again, as often and as long as it may help.
//!
//! Owns the bounds of one call: its deadline and the number of its tries. Nothing that failed here was committed: a
//! commit without an answer ends a call at once, with [`StoreError::OutcomeUnknown`].

use std::time::Duration;

use payment_actors::ports::StoreError;
use sqlx::SqlSafeStr;
use sqlx::mysql::MySqlRow;
use tokio::time::Instant;

use super::database::Database;
use super::failure::{Failure, Meaning};
use super::pool::NoConnection;
use super::session::Session;

/// How long a call may take, its commit apart.
pub(super) const CALL_PATIENCE: Duration = Duration::from_secs(5);

/// How often a transaction is begun.
const MOST_TRIES: u32 = 5;

/// Delay before the second try; doubles with each.
const FIRST_DELAY: Duration = Duration::from_millis(5);

/// The tries of one call.
pub(super) struct Tries<'d> {
    database: &'d Database,
    deadline: Instant,
    failed: u32,
}

impl<'d> Tries<'d> {
    pub(super) fn new(database: &'d Database) -> Self {
        Self { database, deadline: Instant::now() + CALL_PATIENCE, failed: 0 }
    }

    /// A session that only reads.
    pub(super) async fn reader(&self) -> Result<Session, StoreError> {
        let lease = self.database.readers.lease(self.deadline).await;
        Ok(Session::new(lease.map_err(unavailable)?, self.deadline))
    }

    /// A session that may write, without a transaction: each statement commits by itself.
    pub(super) async fn writer(&self) -> Result<Session, StoreError> {
        let lease = self.database.writers()?.lease(self.deadline).await;
        Ok(Session::new(lease.map_err(unavailable)?, self.deadline))
    }

    /// A transaction, and what the texts that open it read.
    pub(super) async fn begin(
        &mut self,
        opening: impl SqlSafeStr,
    ) -> Result<(Session, Vec<MySqlRow>), StoreError> {
        let opening = opening.into_sql_str();
        loop {
            let mut session = self.writer().await?;
            match session.control(opening.clone()).await {
                Ok(rows) => return Ok((session, rows)),
                Err(failure) => self.after(session, failure).await?,
            }
        }
    }

    /// After a failure: undoes what the session had done and returns when it is time for another try.
    pub(super) async fn after(&mut self, mut session: Session, failure: Failure) -> Result<(), StoreError> {
        let meaning = failure.meaning();
        if meaning == Meaning::ConnectionLost {
            session.forget_idle();
        }
        if failure.spares_connection() && session.roll_back().await.is_ok() {
            session.rest();
        }
        if meaning == Meaning::Final {
            return Err(failure.into());
        }
        self.again(failure.into()).await
    }

    /// Waits for the next try; fails with `why` when there is none.
    pub(super) async fn again(&mut self, why: StoreError) -> Result<(), StoreError> {
        self.failed += 1;
        let delay = FIRST_DELAY * 2_u32.pow(self.failed - 1);
        if self.failed >= MOST_TRIES || Instant::now() + delay >= self.deadline {
            return Err(why);
        }
        tracing::debug!(tries = self.failed, cause = %why, "transaction begun again");
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

fn unavailable(none: NoConnection) -> StoreError {
    match none {
        NoConnection::Busy(most) => {
            StoreError::Unavailable(format!("all {most} connections to the database are busy"))
        }
        NoConnection::Failed(failure) => match StoreError::from(failure) {
            StoreError::Unavailable(why) | StoreError::OutcomeUnknown(why) | StoreError::Corrupt(why) => {
                StoreError::Unavailable(format!("no connection to the database: {why}"))
            }
        },
    }
}

/// Asks a question, again if the connection was broken.
macro_rules! reading {
    ($store:expr, |$session:ident| $question:expr) => {{
        let mut tries = $crate::mariadb::tries::Tries::new(&$store.database);
        loop {
            let mut session = tries.reader().await?;
            let $session = &mut session;
            match $question.await {
                Ok(found) => {
                    session.rest();
                    break Ok(found);
                }
                Err(failure) => tries.after(session, failure).await?,
            }
        }
    }};
}

/// Does with statements that each commit by themselves what may be done twice without harm.
macro_rules! repeatable {
    ($store:expr, |$session:ident| $work:expr) => {{
        let mut tries = $crate::mariadb::tries::Tries::new(&$store.database);
        loop {
            let mut session = tries.writer().await?;
            let $session = &mut session;
            match $work.await {
                Ok(done) => {
                    session.rest();
                    break Ok(done);
                }
                Err(failure) => tries.after(session, failure).await?,
            }
        }
    }};
}

/// Does something in a transaction, again if others were in the way, and commits it.
macro_rules! writing {
    ($store:expr, |$session:ident| $work:expr) => {{
        let mut tries = $crate::mariadb::tries::Tries::new(&$store.database);
        loop {
            let (mut session, _) = tries.begin("BEGIN").await?;
            let $session = &mut session;
            match $work.await {
                Ok(done) => {
                    session.commit().await?;
                    break Ok(done);
                }
                Err(failure) => tries.after(session, failure).await?,
            }
        }
    }};
}

pub(super) use {reading, repeatable, writing};
