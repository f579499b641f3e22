//! One shard: the supervisor and the door of its payments.
//!
//! Owns which payments are live. Messages for a payment that is not live start its actor. Never looks into a
//! payment and never waits for one: it only passes messages on.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use payment_schema::command::{Authorize, NewPayment};
use payment_schema::fingerprint::{ClaimDigest, Fingerprint};
use payment_schema::ids::{PaymentId, TraceId};
use payment_schema::problem::ProblemCode;
use payment_schema::text::IdempotencyKey;
use serde::Serialize;

use super::{CommandEnd, PaymentActor, PaymentDeps, PaymentMessage, Sequences};
use crate::api::Refusal;
use crate::journal::Birth;
use crate::ports::StoreError;
use crate::ports::meter::Measure;
use crate::supervision::{
    Actor, ChildExit, ChildSpec, Ctx, Failure, Handle, Message, Next, Policy, Reply, SendError,
};

/// A new authorization on its way.
pub struct NewAuthorization {
    /// The command.
    pub command: Authorize,
    /// Its key.
    pub key: IdempotencyKey,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its place among those being begun.
    pub birth: Birth,
    /// Who waits.
    pub reply: Reply<CommandEnd>,
}

/// Messages of a shard.
pub enum ShardMessage {
    /// A merchant authorizes.
    Authorize(Box<NewAuthorization>),
    /// An id was drawn for an authorization.
    Drawn(Box<NewAuthorization>, Result<PaymentId, StoreError>),
    /// Something for one payment.
    ToPayment(PaymentId, PaymentMessage),
    /// A payment's actor ended.
    PaymentExited(ChildExit),
    /// Have some of the payments been idle for long?
    CheckIdle,
}

impl Message for ShardMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Authorize(_) => "authorize",
            Self::Drawn(..) => "id-drawn",
            Self::ToPayment(..) => "to-payment",
            Self::PaymentExited(_) => "payment-exited",
            Self::CheckIdle => "check-idle",
        }
    }
}

/// What operators see of a shard.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardObserved {
    live_payments: usize,
    authorizing: usize,
}

/// A merchant's key, shorter than most: there are as many as live payments.
fn digest(new: &NewAuthorization) -> ClaimDigest {
    ClaimDigest::of(&new.command.merchant_id, &new.key)
}

/// One shard.
pub struct Shard {
    index: usize,
    deps: Arc<PaymentDeps>,
    sequences: Arc<Sequences>,
    live: BTreeMap<PaymentId, Live>,
    /// Which live payment an authorization's key leads to: a repeat joins it without asking the store.
    by_key: BTreeMap<ClaimDigest, PaymentId>,
    /// Repeats of an authorization whose payment has no id yet.
    drawing: BTreeMap<ClaimDigest, Vec<NewAuthorization>>,
    /// The last payment whose idleness was looked at; nothing before a new round through all of them.
    looked_at: Option<PaymentId>,
    /// How many are looked at together in this round.
    idle_part: usize,
}

struct Live {
    handle: Handle<PaymentActor>,
    key: Option<ClaimDigest>,
}

/// In how many parts the live payments are looked at for idleness.
const IDLE_PARTS: usize = 64;

/// How many messages one payment may have waiting; more of them are refused as overload.
const PAYMENT_MAILBOX: usize = 1_024;

impl Shard {
    pub(super) fn new(index: usize, deps: Arc<PaymentDeps>, sequences: Arc<Sequences>) -> Self {
        Self {
            index,
            deps,
            sequences,
            live: BTreeMap::new(),
            by_key: BTreeMap::new(),
            drawing: BTreeMap::new(),
            looked_at: None,
            idle_part: 0,
        }
    }

    fn authorize(&mut self, new: Box<NewAuthorization>, ctx: &mut Ctx<Self>) {
        let key = digest(&new);
        if let Some(id) = self.by_key.get(&key).copied() {
            self.pass_on(id, PaymentMessage::Join(new), ctx);
        } else if let Some(repeats) = self.drawing.get_mut(&key) {
            repeats.push(*new);
        } else {
            self.drawing.insert(key, Vec::new());
            let sequences = Arc::clone(&self.sequences);
            let slot = new.command.merchant_id.slot();
            ctx.spawn(async move {
                let id = sequences.draw(slot).await;
                ShardMessage::Drawn(new, id)
            });
        }
    }

    fn drawn(&mut self, new: Box<NewAuthorization>, id: Result<PaymentId, StoreError>, ctx: &mut Ctx<Self>) {
        let key = digest(&new);
        let repeats = self.drawing.remove(&key).unwrap_or_default();
        match id {
            Ok(id) => {
                self.by_key.insert(key, id);
                self.start(id, Some(key), ctx);
                let identity = NewPayment { id, key: new.key.clone() };
                self.pass_on(id, PaymentMessage::Accept(identity, new), ctx);
                for repeat in repeats {
                    self.pass_on(id, PaymentMessage::Join(Box::new(repeat)), ctx);
                }
            }
            Err(cause) => {
                tracing::warn!(%cause, "no payment id for an authorization");
                for waiting in std::iter::once(*new).chain(repeats) {
                    waiting.reply.send(CommandEnd::Refused(store_unavailable()));
                }
            }
        }
    }

    fn start(
        &mut self,
        id: PaymentId,
        key: Option<ClaimDigest>,
        ctx: &mut Ctx<Self>,
    ) -> Handle<PaymentActor> {
        let deps = Arc::clone(&self.deps);
        let factory = move || PaymentActor::new(id, Arc::clone(&deps));
        let spec = ChildSpec::new(format!("payment/{id}"), "payment", factory)
            .policy(Policy::Transient)
            .mailbox(PAYMENT_MAILBOX);
        let handle = ctx.start_watched_child(spec, ShardMessage::PaymentExited);
        let key = key.or_else(|| self.live.remove(&id).and_then(|before| before.key));
        self.live.insert(id, Live { handle: handle.clone(), key });
        self.deps.ports.meter.record(Measure::LivePayments { shard: self.index, live: self.live.len() });
        handle
    }

    /// Passes a message on; a payment that has just passivated is started again for it.
    fn pass_on(&mut self, id: PaymentId, message: PaymentMessage, ctx: &mut Ctx<Self>) {
        let handle = match self.live.get(&id) {
            Some(live) => live.handle.clone(),
            None => self.start(id, None, ctx),
        };
        let Err(refused) = handle.offer(message) else { return };
        let refused = match refused.error {
            SendError::Stopped => match self.start(id, None, ctx).offer(refused.message) {
                Ok(()) => return,
                Err(refused) => refused,
            },
            SendError::Overloaded | SendError::Paused => refused,
        };
        let detail = match refused.error {
            SendError::Paused => "an operator has paused this payment; try again later",
            SendError::Overloaded | SendError::Stopped => {
                "too many requests for this payment; try again in a moment"
            }
        };
        refused.message.refuse(Refusal::for_now(ProblemCode::Overloaded, detail, Duration::from_secs(1)));
    }

    /// Asks payments to leave that have been idle for long. A part of them at a time: a timer in each payment would
    /// cost each a tenth of its memory, and a look at a million at once would hold up all others.
    fn check_idle(&mut self, ctx: &mut Ctx<Self>) {
        let behind = self.looked_at.map_or(Bound::Unbounded, Bound::Excluded);
        let even_part = self.live.len().div_ceil(IDLE_PARTS);
        // A round in which many leave must not become slower with each of them.
        self.idle_part = if self.looked_at.is_none() { even_part } else { self.idle_part.max(even_part) };
        let (mut looked_at, mut looked) = (None, 0);
        for (id, live) in self.live.range((behind, Bound::Unbounded)).take(self.idle_part) {
            (looked_at, looked) = (Some(*id), looked + 1);
            if live.handle.idle_for().is_some_and(|idle| idle >= self.deps.passivate_after) {
                // Refused when it is about to end or an operator has paused it.
                let _sent = live.handle.tell(PaymentMessage::CheckIdle);
            }
        }
        // Payments that began meanwhile are behind the last, so a round that went on until there is none would go on for as
        // long as there is work.
        self.looked_at = looked_at.filter(|_| looked == self.idle_part);
        ctx.after(idle_tick(self.deps.passivate_after), ShardMessage::CheckIdle);
    }

    fn exited(&mut self, exit: &ChildExit) {
        if exit.restarts {
            return;
        }
        let Some(id) = exit.name.strip_prefix("payment/").and_then(|id| id.parse::<u64>().ok()) else {
            return;
        };
        let Ok(id) = PaymentId::try_from(id) else { return };
        // A successor may have been started in its place meanwhile; it stays.
        if self.live.get(&id).is_some_and(|live| !live.handle.has_ended()) {
            return;
        }
        if let Some(key) = self.live.remove(&id).and_then(|live| live.key) {
            self.by_key.remove(&key);
        }
        self.deps.ports.meter.record(Measure::LivePayments { shard: self.index, live: self.live.len() });
    }
}

/// The time between two looks, such that all payments are looked at once in the time after which they leave.
fn idle_tick(passivate_after: Duration) -> Duration {
    let parts = u32::try_from(IDLE_PARTS).expect("there are few parts");
    (passivate_after / parts).max(Duration::from_millis(10))
}

impl Actor for Shard {
    type Message = ShardMessage;
    type Observed = ShardObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        ctx.after(idle_tick(self.deps.passivate_after), ShardMessage::CheckIdle);
        Ok(())
    }

    async fn handle(&mut self, message: ShardMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            ShardMessage::Authorize(new) => self.authorize(new, ctx),
            ShardMessage::Drawn(new, id) => self.drawn(new, id, ctx),
            ShardMessage::ToPayment(id, message) => self.pass_on(id, message, ctx),
            ShardMessage::PaymentExited(exit) => self.exited(&exit),
            ShardMessage::CheckIdle => self.check_idle(ctx),
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> ShardObserved {
        ShardObserved { live_payments: self.live.len(), authorizing: self.drawing.len() }
    }
}

/// What a client hears when the store did not take its command for certain.
pub(super) fn store_unavailable() -> Refusal {
    let detail = "the store does not answer; whether the request was taken is not known, so repeat it with the same \
                  idempotency key";
    Refusal::for_now(ProblemCode::StoreUnavailable, detail, Duration::from_secs(1))
}

impl PaymentMessage {
    /// Answers whoever waits for this message that it was not taken.
    fn refuse(self, refusal: Refusal) {
        match self {
            Self::Accept(_, new) | Self::Join(new) => new.reply.send(CommandEnd::Refused(refusal)),
            Self::Await(_, _, reply) => reply.send(CommandEnd::Refused(refusal)),
            Self::Work(work) => {
                if let Some(reply) = work.reply {
                    reply.send(CommandEnd::Refused(refusal));
                }
            }
            Self::Wake | Self::Look | Self::ExchangeEnded(_) | Self::Due(..) | Self::CheckIdle => {}
        }
    }
}
