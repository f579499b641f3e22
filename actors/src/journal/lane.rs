//! One journal lane: a queue of appends, one transaction under way, and a second when that would be a large one.
//!
//! Shared with the store's other lanes only through the version fence. Answers an append only after its
//! transaction is durable; hands records to the outbox only after that too.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::births::Births;
use super::waiting::Waiting;
use crate::outbox::OutboxHandles;
use crate::pace::Pace;
use crate::ports::journal_store::{Append, AppendOutcome, CommitMark};
use crate::ports::meter::Measure;
use crate::ports::{Ports, StoreError};
use crate::supervision::{Actor, Ctx, Failure, Message, Next, Reply};

/// Why an append has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendFailure {
    /// Nothing was committed.
    Unavailable,
    /// Nobody knows; whoever asked must read the payment again.
    OutcomeUnknown,
}

/// What an append's owner hears.
type AppendResult = Result<AppendOutcome, AppendFailure>;

/// Messages of a lane.
pub enum LaneMessage {
    /// Make this durable.
    Append(Box<Append>, Reply<AppendResult>),
    /// The transaction under way ended.
    Ended(Vec<Pending>, Vec<AppendResult>, Duration),
    /// What was held back to make a larger batch has waited long enough.
    Paced,
}

impl Message for LaneMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Append(..) => "append",
            Self::Ended(..) => "batch-ended",
            Self::Paced => "paced",
        }
    }
}

/// An append and who waits for it.
pub struct Pending {
    pub(super) append: Append,
    reply: Reply<AppendResult>,
}

/// What operators see of a lane.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneObserved {
    waiting: usize,
    committing: usize,
    committed_total: u64,
    conflicts_total: u64,
    failures_total: u64,
}

/// One journal lane.
pub struct Lane {
    ports: Ports,
    outbox: OutboxHandles,
    births: Births,
    most: usize,
    waiting: Waiting,
    /// Appends in transactions under way.
    committing: usize,
    transactions: usize,
    pace: Pace,
    committed_total: u64,
    conflicts_total: u64,
    failures_total: u64,
}

/// How often a lost answer is looked up before the owners are told that nobody knows.
const LOOKUPS: u32 = 5;

/// Transactions begin this far apart under load.
const APART: Duration = Duration::from_millis(10);

/// So many appends are worth a transaction, however soon after the last, and beside another.
const LARGE: usize = 96;

impl Lane {
    pub(super) fn new(ports: Ports, outbox: OutboxHandles, births: Births, most: usize) -> Self {
        Self {
            ports,
            outbox,
            births,
            most,
            waiting: Waiting::default(),
            committing: 0,
            transactions: 0,
            pace: Pace::new(APART, LARGE),
            committed_total: 0,
            conflicts_total: 0,
            failures_total: 0,
        }
    }

    /// Begins what may begin. A second transaction beside the first makes smaller batches, and so more work, of
    /// everything but a large one.
    fn commit_next(&mut self, ctx: &mut Ctx<Self>) {
        loop {
            match self.transactions {
                0 if self.waiting.is_empty() => break,
                0 => {
                    if let Some(left) = self.pace.left(self.waiting.len(), ctx.now()) {
                        self.wait(left, ctx);
                        break;
                    }
                }
                1 if self.waiting.len() >= self.most.min(LARGE) => {}
                _ => break,
            }
            self.commit_batch(ctx);
        }
    }

    fn wait(&mut self, left: Duration, ctx: &mut Ctx<Self>) {
        if self.pace.set_timer() {
            ctx.after(left, LaneMessage::Paced);
        }
    }

    fn commit_batch(&mut self, ctx: &mut Ctx<Self>) {
        let (batch, replies): (Vec<Append>, Vec<_>) =
            self.waiting.take(self.most).into_iter().map(|pending| (pending.append, pending.reply)).unzip();
        self.committing += batch.len();
        self.transactions += 1;
        self.pace.begun(batch.len(), ctx.now());
        let ports = self.ports.clone();
        let begun = ctx.now();
        ctx.spawn(async move {
            let results = commit(&ports, &batch).await;
            let pending =
                batch.into_iter().zip(replies).map(|(append, reply)| Pending { append, reply }).collect();
            LaneMessage::Ended(pending, results, begun.elapsed())
        });
    }

    fn end(&mut self, pending: Vec<Pending>, results: Vec<AppendResult>, took: Duration) {
        self.ports.meter.record(Measure::JournalBatch { records: pending.len(), took });
        if results.iter().all(Result::is_ok) {
            self.births.transaction(took);
        }
        let mut records = Vec::new();
        for (Pending { mut append, reply }, result) in pending.into_iter().zip(results) {
            match &result {
                Ok(AppendOutcome::Committed) => {
                    self.committed_total += 1;
                    records.append(&mut append.outbox);
                    for step in &append.transitions {
                        self.ports.meter.record(Measure::Transition { from: step.from, to: step.to });
                    }
                }
                Ok(AppendOutcome::VersionConflict) => {
                    self.conflicts_total += 1;
                    self.ports.meter.record(Measure::JournalConflict);
                }
                Ok(AppendOutcome::KeyTaken(_)) => {}
                Err(_) => self.failures_total += 1,
            }
            reply.send(result);
        }
        self.outbox.hand_over(records);
    }
}

impl Actor for Lane {
    type Message = LaneMessage;
    type Observed = LaneObserved;

    async fn handle(&mut self, message: LaneMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            LaneMessage::Append(append, reply) => self.waiting.push(Pending { append: *append, reply }),
            LaneMessage::Ended(pending, results, took) => {
                self.committing -= pending.len();
                self.transactions -= 1;
                self.end(pending, results, took);
            }
            LaneMessage::Paced => self.pace.timer_fired(),
        }
        self.commit_next(ctx);
        Ok(Next::Continue)
    }

    /// An orderly end commits what is waiting: its owners were promised an answer.
    async fn stopping(&mut self, _ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        while !self.waiting.is_empty() {
            let begun = Instant::now();
            let (batch, replies): (Vec<Append>, Vec<_>) = self
                .waiting
                .take(self.most)
                .into_iter()
                .map(|pending| (pending.append, pending.reply))
                .unzip();
            let results = commit(&self.ports, &batch).await;
            let pending =
                batch.into_iter().zip(replies).map(|(append, reply)| Pending { append, reply }).collect();
            self.end(pending, results, begun.elapsed());
        }
        Ok(())
    }

    fn observe(&self) -> LaneObserved {
        LaneObserved {
            waiting: self.waiting.len(),
            committing: self.committing,
            committed_total: self.committed_total,
            conflicts_total: self.conflicts_total,
            failures_total: self.failures_total,
        }
    }
}

async fn commit(ports: &Ports, batch: &[Append]) -> Vec<AppendResult> {
    match ports.store.append(batch).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(StoreError::OutcomeUnknown(cause)) => {
            tracing::warn!(records = batch.len(), cause, "commit without an answer, looking it up");
            look_up(ports, batch).await
        }
        Err(error @ (StoreError::Unavailable(_) | StoreError::Corrupt(_))) => {
            tracing::warn!(records = batch.len(), cause = %error, "commit failed");
            vec![Err(AppendFailure::Unavailable); batch.len()]
        }
    }
}

/// Asks the store what became of a batch whose answer was lost; nothing is sent again before that is known.
async fn look_up(ports: &Ports, batch: &[Append]) -> Vec<AppendResult> {
    let marks: Vec<CommitMark> = batch.iter().map(Append::mark).collect();
    for step in 0..LOOKUPS {
        tokio::time::sleep(payment_schema::rules::doubling(
            Duration::from_millis(50),
            Duration::from_secs(2),
            step,
        ))
        .await;
        if let Ok(found) = ports.store.committed(&marks).await {
            // An append that is not there may still be on its way; its owner reads the payment again.
            let result = |there: bool| {
                if there { Ok(AppendOutcome::Committed) } else { Err(AppendFailure::OutcomeUnknown) }
            };
            return found.into_iter().map(result).collect();
        }
    }
    vec![Err(AppendFailure::OutcomeUnknown); batch.len()]
}
