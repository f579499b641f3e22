//! The payments: shards, and one actor per live payment.
//!
//! Owns every decision about a payment and the order in which they happen. A payment's memory is only a cache of
//! its row: it is loaded on demand, passivated when idle, and the version fence guards every append. Never writes
//! to the store itself (the journal does), never calls the PG itself (the workers do).

mod commit;
mod exchanges;
mod payment;
mod sequences;
mod shard;

pub use payment::{PaymentActor, PaymentMessage, PaymentWork, WaitFor};
pub use sequences::Sequences;
pub use shard::{NewAuthorization, Shard, ShardMessage};

use std::sync::Arc;
use std::time::Duration;

use actix_rt::ArbiterHandle;
use payment_schema::ids::{PaymentId, Slot};
use payment_schema::operation::OperationKind;
use payment_schema::payment::DueKind;
use payment_schema::rules::Rules;

use crate::api::{Outcome, Refusal};
use crate::journal::{Birth, JournalHandles};
use crate::pg_worker::PgWorker;
use crate::ports::Ports;
use crate::ports::journal_store::KeyRecord;
use crate::supervision::{Actor, ChildSpec, Ctx, Failure, Handle, Message, Next, Reply};

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandEnd {
    /// With this answer.
    Answered(Outcome),
    /// An operator's command: whether it changed anything.
    Acted {
        /// Whether anything changed.
        changed: bool,
    },
    /// Refused.
    Refused(Refusal),
    /// The key belongs to a command that came earlier.
    KeyTaken(KeyRecord),
}

/// What every payment actor of a process shares.
pub struct PaymentDeps {
    /// The world.
    pub ports: Ports,
    /// The rules' settings.
    pub rules: Rules,
    /// Where changes become durable.
    pub journal: JournalHandles,
    /// Who calls the PG.
    pub workers: WorkerHandles,
    /// An idle payment's actor ends after this long.
    pub passivate_after: Duration,
    /// No other process moves payments.
    pub alone: bool,
}

impl PaymentDeps {
    /// How long sweeps leave an attempt alone: until its worker here has surely ended, or not at all when only another
    /// process has one.
    fn lease(&self, kind: DueKind) -> Duration {
        let is_made_here = match kind {
            DueKind::Authorization => self.workers.authorization.is_some(),
            DueKind::Settlement => self.workers.settlement.is_some(),
            DueKind::Refund => self.workers.refund.is_some(),
            DueKind::Expiry => true,
        };
        if is_made_here { self.rules.lease } else { Duration::ZERO }
    }
}

/// The workers of this process, by operation; others may be elsewhere.
#[derive(Clone)]
pub struct WorkerHandles {
    /// Authorizations.
    pub authorization: Option<Handle<PgWorker>>,
    /// Captures.
    pub settlement: Option<Handle<PgWorker>>,
    /// Refunds and voids.
    pub refund: Option<Handle<PgWorker>>,
}

impl WorkerHandles {
    /// Who makes calls of this kind; nobody when another process does.
    #[must_use]
    pub fn of(&self, kind: OperationKind) -> Option<&Handle<PgWorker>> {
        match kind {
            OperationKind::Authorize => self.authorization.as_ref(),
            OperationKind::Capture => self.settlement.as_ref(),
            OperationKind::Void | OperationKind::Refund => self.refund.as_ref(),
        }
    }
}

/// The shards, by slot.
#[derive(Clone)]
pub struct ShardHandles {
    shards: Arc<[Handle<Shard>]>,
    journal: JournalHandles,
}

impl ShardHandles {
    /// The shard of a slot; all payments of a merchant share it.
    #[must_use]
    pub fn of(&self, slot: Slot) -> &Handle<Shard> {
        let index = usize::from(slot.get()) % self.shards.len();
        self.shards.get(index).expect("the index was taken modulo the number of shards")
    }

    /// Lets a payment of this slot be begun, unless too many are.
    #[must_use]
    pub fn begin(&self, slot: Slot) -> Option<Birth> {
        self.journal.begin(slot)
    }

    /// Lets a payment be begun whose first try was interrupted.
    #[must_use]
    pub fn begin_again(&self, slot: Slot) -> Birth {
        self.journal.begin_again(slot)
    }

    /// The shard of a payment.
    #[must_use]
    pub fn of_payment(&self, id: PaymentId) -> &Handle<Shard> {
        self.of(id.slot())
    }
}

/// Supervises the shards.
pub struct Payments {
    deps: Arc<PaymentDeps>,
    sequences: Arc<Sequences>,
    shards: usize,
    arbiters: Vec<ArbiterHandle>,
    handles: Vec<Handle<Shard>>,
}

/// Messages of the payments' supervisor.
pub enum PaymentsMessage {
    /// Where are the shards?
    Shards(Reply<ShardHandles>),
}

impl Message for PaymentsMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Shards(_) => "shards",
        }
    }
}

impl Payments {
    /// So many shards, spread over the arbiters (none: all on the supervisor's own).
    #[must_use]
    pub fn new(
        deps: Arc<PaymentDeps>,
        sequences: Arc<Sequences>,
        shards: usize,
        arbiters: Vec<ArbiterHandle>,
    ) -> Self {
        Self { deps, sequences, shards: shards.max(1), arbiters, handles: Vec::new() }
    }
}

impl Actor for Payments {
    type Message = PaymentsMessage;
    type Observed = usize;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        for index in 0..self.shards {
            let (deps, sequences) = (Arc::clone(&self.deps), Arc::clone(&self.sequences));
            let factory = move || Shard::new(index, Arc::clone(&deps), Arc::clone(&sequences));
            let mut spec = ChildSpec::new(format!("shard-{index}"), "payment-shard", factory).mailbox(65_536);
            if !self.arbiters.is_empty()
                && let Some(arbiter) = self.arbiters.get(index % self.arbiters.len())
            {
                spec = spec.on(arbiter.clone());
            }
            self.handles.push(ctx.start_child(spec));
        }
        Ok(())
    }

    async fn handle(&mut self, message: PaymentsMessage, _ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        let PaymentsMessage::Shards(reply) = message;
        let journal = self.deps.journal.clone();
        reply.send(ShardHandles { shards: self.handles.clone().into(), journal });
        Ok(Next::Continue)
    }

    fn observe(&self) -> usize {
        self.handles.len()
    }
}
