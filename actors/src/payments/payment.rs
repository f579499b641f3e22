//! One payment's actor: the only one that decides about this payment in this process.
//!
//! Owns the payment's memory and handles one message at a time: decide, append, wait for the commit, run effects,
//! answer. Its memory is a cache: after any doubt about a commit it is dropped and read again. Other processes may
//! move the payment too; the version fence tells. The parts: `accept` (its birth), `work` (commands),
//! `waiting` (who is owed an answer), `exchanges` (the PG).

mod accept;
mod tending;
mod waiting;
mod work;

use std::sync::Arc;
use std::time::Duration;

use payment_schema::command::{Context, NewPayment};
use payment_schema::ids::{Attempt, OperationNo, PaymentId, TraceId};
use payment_schema::operation::PgOutcome;
use payment_schema::payment::Payment;
use payment_schema::pg::{Finding, Source};
use payment_schema::rules::Jitter;
use payment_schema::status::Status;
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

pub use waiting::WaitFor;
pub use work::PaymentWork;

use super::exchanges::{Exchanges, Step};
use super::shard::NewAuthorization;
use super::{CommandEnd, PaymentDeps};
use crate::journal::{AppendFailure, LaneMessage};
use crate::ports::StoreError;
use crate::ports::journal_store::{Append, AppendOutcome};
use crate::supervision::{Actor, AskError, Ctx, Failure, Message, Next, Reply};
use waiting::Waiter;

/// Messages of a payment.
pub enum PaymentMessage {
    /// Begin: this authorization is the payment's first command.
    Accept(NewPayment, Box<NewAuthorization>),
    /// The same authorization again, while its payment is live.
    Join(Box<NewAuthorization>),
    /// Wait for the end of what a taken key stands for.
    Await(WaitFor, IdempotencyKey, Reply<CommandEnd>),
    /// Obey a command.
    Work(Box<PaymentWork>),
    /// Look whether something is owed: a sweep found the payment due, or its actor was restarted.
    Wake,
    /// An exchange with the PG ended.
    ExchangeEnded(ExchangeEnd),
    /// See whether another process has done what callers wait for.
    Look,
    /// A timer of an operation fired.
    Due(OperationNo, StepDue),
    /// Has it been idle long enough to leave?
    CheckIdle,
}

/// What a timer was set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepDue(pub(super) Step);

/// The end of an exchange.
pub struct ExchangeEnd {
    no: OperationNo,
    attempt: Attempt,
    source: Source,
    result: Result<Finding, AskError>,
}

impl Message for PaymentMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Accept(..) => "accept",
            Self::Join(_) => "join",
            Self::Await(..) => "await",
            Self::Work(work) => work.label(),
            Self::Wake => "wake",
            Self::ExchangeEnded(_) => "exchange-ended",
            Self::Look => "look",
            Self::Due(..) => "due",
            Self::CheckIdle => "check-idle",
        }
    }
}

/// What is known of the payment.
enum Memory {
    /// Nothing: the row must be read before anything is decided.
    Unread,
    /// It is not in the store (yet).
    Absent,
    /// As of its last commit.
    Held(Arc<Payment>),
}

/// What operators see of a payment; no amounts, no names.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentObserved {
    status: Option<Status>,
    version: Option<u64>,
    pg_outcome: Option<PgOutcome>,
    waiting_callers: u32,
}

/// One payment's actor.
pub struct PaymentActor {
    id: PaymentId,
    deps: Arc<PaymentDeps>,
    memory: Memory,
    /// The memory was read from the store for the command being handled.
    memory_is_fresh: bool,
    exchanges: Exchanges,
    waiters: Vec<Waiter>,
    /// The trace of the latest command, which the PG's answers belong to as well.
    trace_id: TraceId,
    last_active: Instant,
    look_set: bool,
}

/// After a commit nobody knows about, the row is read again this much later.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// How often the store is read for callers who wait for what another process does.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl PaymentActor {
    pub(super) fn new(id: PaymentId, deps: Arc<PaymentDeps>) -> Self {
        let trace_id = fresh_trace(&deps);
        Self {
            id,
            deps,
            memory: Memory::Unread,
            memory_is_fresh: false,
            exchanges: Exchanges::default(),
            waiters: Vec::new(),
            trace_id,
            last_active: Instant::now(),
            look_set: false,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from(self.deps.ports.clock.now())
    }

    fn context<'a>(&'a self, key: Option<&'a IdempotencyKey>) -> Context<'a> {
        let jitter = Jitter(self.deps.ports.random.next_unit());
        Context { rules: &self.deps.rules, now: self.now(), jitter, trace_id: self.trace_id, key }
    }

    /// The payment as last committed, read if need be.
    async fn read(&mut self) -> Result<Option<Arc<Payment>>, StoreError> {
        if matches!(self.memory, Memory::Unread) {
            self.memory = match self.deps.ports.store.payment(self.id).await? {
                Some(payment) => Memory::Held(Arc::new(payment)),
                None => Memory::Absent,
            };
            self.memory_is_fresh = true;
        }
        Ok(self.held())
    }

    fn held(&self) -> Option<Arc<Payment>> {
        match &self.memory {
            Memory::Held(payment) => Some(Arc::clone(payment)),
            Memory::Unread | Memory::Absent => None,
        }
    }

    /// Makes a change durable. After any doubt the memory is dropped.
    async fn append(&mut self, append: Append, ctx: &mut Ctx<Self>) -> Result<AppendOutcome, AppendFailure> {
        let lane = self.deps.journal.lane(self.id);
        let answer = lane.ask(|reply| LaneMessage::Append(Box::new(append), reply)).await;
        let result = answer.unwrap_or_else(|error| {
            Err(match error {
                AskError::OutcomeUnknown => AppendFailure::OutcomeUnknown,
                AskError::Overloaded | AskError::Stopped | AskError::Paused | AskError::NotDelivered => {
                    AppendFailure::Unavailable
                }
            })
        });
        match &result {
            Ok(AppendOutcome::VersionConflict) => self.memory = Memory::Unread,
            Err(AppendFailure::OutcomeUnknown) => {
                self.memory = Memory::Unread;
                ctx.after(READ_AGAIN, PaymentMessage::Wake);
            }
            Ok(AppendOutcome::Committed | AppendOutcome::KeyTaken(_)) | Err(AppendFailure::Unavailable) => {}
        }
        result
    }

    /// Leaves when nothing is owed; a message that is already waiting keeps it. The shard asks again when not.
    fn check_idle(&mut self, ctx: &Ctx<Self>) -> Next {
        // Callers that went away without a message since must not keep it here for ever.
        self.waiters.retain(|waiter| !waiter.is_abandoned());
        let is_free = self.exchanges.is_idle() && self.waiters.is_empty() && ctx.queued() == 0;
        if is_free && self.last_active.elapsed() >= self.deps.passivate_after {
            Next::Stop
        } else {
            Next::Continue
        }
    }

    /// Nothing is known and nobody waits: there is no reason to stay.
    fn next(&self, ctx: &Ctx<Self>) -> Next {
        let is_nobody = matches!(self.memory, Memory::Absent) && self.exchanges.is_idle();
        if is_nobody && ctx.queued() == 0 { Next::Stop } else { Next::Continue }
    }
}

fn fresh_trace(deps: &PaymentDeps) -> TraceId {
    let random = &deps.ports.random;
    TraceId::new((u128::from(random.next_u64()) << 64) | u128::from(random.next_u64()))
}

impl Actor for PaymentActor {
    type Message = PaymentMessage;
    type Observed = PaymentObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        if ctx.generation() > 1 {
            ctx.after(Duration::ZERO, PaymentMessage::Wake);
        }
        Ok(())
    }

    async fn handle(&mut self, message: PaymentMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        if matches!(message, PaymentMessage::CheckIdle) {
            return Ok(self.check_idle(ctx));
        }
        self.last_active = ctx.now();
        match message {
            PaymentMessage::Accept(identity, new) => self.accept(identity, *new, ctx).await,
            PaymentMessage::Join(new) => self.join(*new).await,
            PaymentMessage::Await(what, key, reply) => {
                self.wait(what, key, reply).await;
                self.tend_for_waiters(ctx);
            }
            PaymentMessage::Work(work) => {
                self.work(*work, ctx).await;
                self.tend_for_waiters(ctx);
            }
            PaymentMessage::Wake => self.wake(ctx).await,
            PaymentMessage::ExchangeEnded(end) => self.exchange_ended(end, ctx).await,
            PaymentMessage::Look => self.look().await,
            PaymentMessage::Due(no, StepDue(step)) => self.due(no, step, ctx).await,
            PaymentMessage::CheckIdle => {}
        }
        self.waiters.retain(|waiter| !waiter.is_abandoned());
        self.watch_the_store_for_waiters(ctx);
        Ok(self.next(ctx))
    }

    fn observe(&self) -> PaymentObserved {
        let payment = self.held();
        PaymentObserved {
            status: payment.as_ref().map(|payment| payment.status),
            version: payment.as_ref().map(|payment| payment.version.0),
            pg_outcome: payment.as_ref().map(|payment| payment.latest_operation().outcome),
            waiting_callers: u32::try_from(self.waiters.len()).unwrap_or(u32::MAX),
        }
    }
}
