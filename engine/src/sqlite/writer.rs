//! The one thread that writes.
//!
//! Owns the write connection. Whatever waits in its queue becomes one transaction with one commit, so that the
//! cost of making it durable is shared. A piece of work fails alone: when one of them does, which is rare, all are undone
//! and done again with a savepoint each. Callers hear of success only after the commit. The queue has no bound of its
//! own: every caller waits for its answer, so there are never more entries than callers.

use std::cell::Cell;
use std::sync::mpsc;
use std::thread::JoinHandle;

use payment_actors::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::checkpoints::Checkpoints;
use super::failure::{Failure, guarded};
use super::place::Place;

/// Most pieces of work in one transaction, so that the first caller does not wait for a whole backlog.
const MOST_IN_GROUP: usize = 256;

/// What a piece of work sees: the connection, inside a transaction it neither begins nor ends.
pub(super) struct Session<'c> {
    pub(super) connection: &'c Connection,
    log_grew: &'c Cell<bool>,
}

impl Session<'_> {
    /// Wakes the event log's subscribers after the commit.
    pub(super) fn wake_subscribers(&self) {
        self.log_grew.set(true);
    }
}

/// The queue's end that callers hold.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; it counts `log_grew` up after every commit that added to the event log.
    pub(super) fn start(
        connection: Connection,
        checkpoints: Checkpoints,
        log_grew: watch::Sender<u64>,
    ) -> std::io::Result<Self> {
        let place = Place::of(&connection)?;
        let (queue, jobs) = mpsc::channel();
        let mut hands = Hands { connection, place, checkpoints, log_grew };
        let thread =
            std::thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || hands.serve(&jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Has `work` done and committed; it may be done more than once, and all but the last time undone. Dropping the
    /// future does not call the work back.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Fn(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, done) = oneshot::channel();
        let job = Box::new(Write { work, result: None, answer });
        let queue = self.queue.as_ref().expect("the queue is closed only by drop");
        queue.send(job).map_err(|_| StoreError::Unavailable(ENDED.to_owned()))?;
        done.await.map_err(|_| StoreError::OutcomeUnknown(ENDED.to_owned()))?
    }
}

const ENDED: &str = "the writer thread has ended; restart the program";

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already reported to whoever waited for it.
            let _ = thread.join();
        }
    }
}

/// A piece of work whose result type is forgotten.
trait Job: Send {
    /// Does the work; says whether its changes are to stay.
    fn run(&mut self, session: &Session<'_>) -> bool;
    /// Answers the caller once the fate of the transaction is known.
    fn settle(self: Box<Self>, fate: &Result<(), StoreError>);
}

struct Write<T, W> {
    work: W,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Write<T, W>
where
    T: Send,
    W: Fn(&Session<'_>) -> Result<T, Failure> + Send,
{
    fn run(&mut self, session: &Session<'_>) -> bool {
        let result = guarded(|| (self.work)(session)).map_err(StoreError::from);
        let stays = result.is_ok();
        self.result = Some(result);
        stays
    }

    fn settle(self: Box<Self>, fate: &Result<(), StoreError>) {
        let result = match (self.result, fate) {
            (Some(Err(own)), _) => Err(own),
            (Some(Ok(_)) | None, Err(shared)) => Err(shared.clone()),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => unreachable!("a transaction is committed after every piece of work has run"),
        };
        // The caller may have stopped waiting.
        let _ = self.answer.send(result);
    }
}

/// What the thread works with.
struct Hands {
    connection: Connection,
    place: Place,
    checkpoints: Checkpoints,
    log_grew: watch::Sender<u64>,
}

impl Hands {
    fn serve(&mut self, jobs: &mpsc::Receiver<Box<dyn Job>>) {
        Checkpoints::count_commits_of(&self.connection);
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            group.extend(jobs.try_iter().take(MOST_IN_GROUP - 1));
            let grew = Cell::new(false);
            let fate =
                self.place.verify().and_then(|()| commit_together(&self.connection, &mut group, &grew));
            if grew.get() && fate.is_ok() {
                self.log_grew.send_modify(|count| *count += 1);
            }
            for job in group {
                job.settle(&fate);
            }
            self.checkpoints.between_commits(&self.connection);
        }
    }
}

fn commit_together(
    connection: &Connection,
    group: &mut [Box<dyn Job>],
    grew: &Cell<bool>,
) -> Result<(), StoreError> {
    let session = Session { connection, log_grew: grew };
    if let Err(error) = run_together(&session, group) {
        roll_back(connection);
        return Err(error);
    }
    control(connection, "COMMIT").map_err(|error| {
        roll_back(connection);
        // A failed sync may have reached the disk or not; only the file can tell.
        StoreError::OutcomeUnknown(error.to_string())
    })
}

/// Without savepoints: under one SQLite keeps a copy of every page that is changed, for the sake of the few that fail.
fn run_together(session: &Session<'_>, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    control(session.connection, "BEGIN IMMEDIATE")?;
    for job in &mut *group {
        let stays = job.run(session);
        still_in_transaction(session.connection)?;
        if !stays {
            control(session.connection, "ROLLBACK")?;
            session.log_grew.set(false);
            return run_apart(session, group);
        }
    }
    Ok(())
}

fn run_apart(session: &Session<'_>, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    control(session.connection, "BEGIN IMMEDIATE")?;
    for job in group {
        control(session.connection, "SAVEPOINT job")?;
        let stays = job.run(session);
        still_in_transaction(session.connection)?;
        if !stays {
            control(session.connection, "ROLLBACK TO job")?;
        }
        control(session.connection, "RELEASE job")?;
    }
    Ok(())
}

/// A full disk or an input/output error makes SQLite end the whole transaction by itself
/// (<https://www.sqlite.org/lang_transaction.html>, "Response To Errors Within A Transaction").
fn still_in_transaction(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() {
        let why = "the disk is full or reports errors, and the whole transaction was rolled back";
        return Err(StoreError::Unavailable(why.to_owned()));
    }
    Ok(())
}

fn control(connection: &Connection, statement: &str) -> Result<(), StoreError> {
    let done = connection.prepare_cached(statement).and_then(|mut statement| statement.execute([]));
    done.map(|_| ()).map_err(|error| Failure::from(error).into())
}

fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
}

#[cfg(test)]
mod tests;
