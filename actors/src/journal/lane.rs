//! One journal lane: a queue of appends, one transaction under way, and a second when that would be a full one.
//!
//! Shared with the store's other lanes only through the version fence. Answers an append only after its
//! transaction is durable; hands records to the outbox only after that too.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use payment_schema::ids::PaymentId;
use serde::Serialize;
use tokio::time::Instant;

use crate::outbox::OutboxHandles;
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
}

impl Message for LaneMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Append(..) => "append",
            Self::Ended(..) => "batch-ended",
        }
    }
}

/// An append and who waits for it.
pub struct Pending {
    append: Append,
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
    most: usize,
    waiting: VecDeque<Pending>,
    /// The length of the queue, for those who would add to it.
    gauge: Arc<AtomicUsize>,
    /// Appends in transactions under way.
    committing: usize,
    transactions: usize,
    committed_total: u64,
    conflicts_total: u64,
    failures_total: u64,
}

/// How often a lost answer is looked up before the owners are told that nobody knows.
const LOOKUPS: u32 = 5;

impl Lane {
    pub(super) fn new(ports: Ports, outbox: OutboxHandles, most: usize, gauge: Arc<AtomicUsize>) -> Self {
        gauge.store(0, Ordering::Relaxed);
        Self {
            ports,
            outbox,
            most,
            waiting: VecDeque::new(),
            gauge,
            committing: 0,
            transactions: 0,
            committed_total: 0,
            conflicts_total: 0,
            failures_total: 0,
        }
    }

    /// Begins what may begin. A second transaction beside the first makes smaller batches, and so more work, of
    /// everything but a full one.
    fn commit_next(&mut self, ctx: &mut Ctx<Self>) {
        let is_free = |lane: &Self| match lane.transactions {
            0 => !lane.waiting.is_empty(),
            1 => lane.waiting.len() >= lane.most,
            _ => false,
        };
        while is_free(self) {
            self.commit_batch(ctx);
        }
        self.gauge.store(self.waiting.len(), Ordering::Relaxed);
    }

    fn commit_batch(&mut self, ctx: &mut Ctx<Self>) {
        let (batch, replies): (Vec<Append>, Vec<_>) =
            self.take_batch().into_iter().map(|pending| (pending.append, pending.reply)).unzip();
        self.committing += batch.len();
        self.transactions += 1;
        let ports = self.ports.clone();
        let begun = ctx.now();
        ctx.spawn(async move {
            let results = commit(&ports, &batch).await;
            let pending =
                batch.into_iter().zip(replies).map(|(append, reply)| Pending { append, reply }).collect();
            LaneMessage::Ended(pending, results, begun.elapsed())
        });
    }

    /// The next batch: in order, at most one append of a payment. After a restart of its actor a payment may have
    /// two waiting; the second is for the next batch, where the fence judges it.
    fn take_batch(&mut self) -> Vec<Pending> {
        let mut batch = Vec::with_capacity(self.waiting.len().min(self.most));
        let mut taken: BTreeSet<PaymentId> = BTreeSet::new();
        let mut left = VecDeque::new();
        while let Some(pending) = self.waiting.pop_front() {
            if batch.len() == self.most {
                left.push_back(pending);
                break;
            }
            if taken.insert(pending.append.payment.id) {
                batch.push(pending);
            } else {
                left.push_back(pending);
            }
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        batch
    }

    fn end(&mut self, pending: Vec<Pending>, results: Vec<AppendResult>, took: Duration) {
        self.ports.meter.record(Measure::JournalBatch { records: pending.len(), took });
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
            LaneMessage::Append(append, reply) => self.waiting.push_back(Pending { append: *append, reply }),
            LaneMessage::Ended(pending, results, took) => {
                self.committing -= pending.len();
                self.transactions -= 1;
                self.end(pending, results, took);
            }
        }
        self.commit_next(ctx);
        Ok(Next::Continue)
    }

    /// An orderly end commits what is waiting: its owners were promised an answer.
    async fn stopping(&mut self, _ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        while !self.waiting.is_empty() {
            let begun = Instant::now();
            let (batch, replies): (Vec<Append>, Vec<_>) =
                self.take_batch().into_iter().map(|pending| (pending.append, pending.reply)).unzip();
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
