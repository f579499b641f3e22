//! The root of the supervision tree.
//!
//! Owns the order in which the engine's parts start (and, reversed, stop): whatever a part tells is started before
//! it. Never handles a payment.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actix_rt::ArbiterHandle;
use payment_schema::topic::Topic;
use tokio::sync::watch;

use crate::breaker::{Breakers, Gates};
use crate::journal::{Journal, JournalHandles, JournalMessage};
use crate::ledger::Ledger;
use crate::limiter::Limiter;
use crate::outbox::{Outbox, OutboxHandles, OutboxMessage, OutboxSettings};
use crate::payments::{PaymentDeps, Payments, PaymentsMessage, Sequences, ShardHandles, WorkerHandles};
use crate::pg_worker::{PgWorker, PgWorkerSettings};
use crate::ports::Ports;
use crate::recovery::{Recovery, RecoverySettings};
use crate::settings::{Duties, Duty, EngineSettings};
use crate::supervision::{Actor, ChildSpec, Ctx, Failure, Handle, Message, Next, Strategy};
use crate::wakeups::{WakeupSettings, Wakeups};

/// What the doors need of a started tree; the handles survive restarts.
#[derive(Clone)]
pub(crate) struct Started {
    /// The payments.
    pub(crate) shards: ShardHandles,
    /// The breakers.
    pub(crate) breakers: Handle<Breakers>,
}

/// The root.
pub(crate) struct Root {
    ports: Ports,
    settings: EngineSettings,
    gates: Gates,
    backlog: Arc<AtomicU64>,
    arbiters: Vec<ArbiterHandle>,
    started: watch::Sender<Option<Started>>,
}

/// The root is told nothing.
pub(crate) enum RootMessage {}

impl Message for RootMessage {
    fn label(&self) -> &'static str {
        match *self {}
    }
}

impl Root {
    /// A root that says through `started` when every part is there.
    #[must_use]
    pub(crate) fn new(
        ports: Ports,
        settings: EngineSettings,
        gates: Gates,
        backlog: Arc<AtomicU64>,
        arbiters: Vec<ArbiterHandle>,
        started: watch::Sender<Option<Started>>,
    ) -> Self {
        Self { ports, settings, gates, backlog, arbiters, started }
    }

    /// The spec of the root.
    pub(crate) fn spec(
        factory: impl Fn() -> Self + Send + Sync + 'static,
        settings: &EngineSettings,
    ) -> ChildSpec<Self> {
        ChildSpec::new("root", "root", factory).supervises(Strategy::OneForOne, settings.restart_limit)
    }

    fn breakers(&self, ctx: &mut Ctx<Self>) -> Handle<Breakers> {
        let (gates, meter) = (self.gates.clone(), Arc::clone(&self.ports.meter));
        ctx.start_child(ChildSpec::new("breakers", "breakers", move || {
            Breakers::new(gates.clone(), Arc::clone(&meter))
        }))
    }

    async fn outbox(&self, ctx: &mut Ctx<Self>) -> Result<OutboxHandles, Failure> {
        if !self.settings.duties.has(Duty::Outbox) {
            return Ok(OutboxHandles::elsewhere());
        }
        let (ports, gate, backlog) =
            (self.ports.clone(), Arc::clone(&self.gates.event_log), Arc::clone(&self.backlog));
        let settings = OutboxSettings {
            lanes: self.settings.outbox_lanes,
            batch: self.settings.outbox_batch,
            held: self.settings.outbox_held,
            sweep: self.settings.outbox_sweep,
            sweep_page: self.settings.outbox_sweep_page,
            grace: self.settings.outbox_grace,
            retention: self.settings.outbox_retention,
        };
        let factory =
            move || Outbox::new(ports.clone(), Arc::clone(&gate), settings.clone(), Arc::clone(&backlog));
        let outbox = ctx.start_child(ChildSpec::new("outbox", "outbox", factory));
        Ok(outbox.ask(OutboxMessage::Lanes).await?)
    }

    async fn journal(&self, outbox: OutboxHandles, ctx: &mut Ctx<Self>) -> Result<JournalHandles, Failure> {
        let (ports, lanes, batch) =
            (self.ports.clone(), self.settings.journal_lanes, self.settings.journal_batch);
        let factory = move || Journal::new(ports.clone(), outbox.clone(), lanes, batch);
        let journal = ctx.start_child(ChildSpec::new("journal", "journal", factory));
        Ok(journal.ask(JournalMessage::Lanes).await?)
    }

    fn worker(&self, name: &'static str, ctx: &mut Ctx<Self>) -> Handle<PgWorker> {
        let (ports, gates) = (self.ports.clone(), self.gates.clone());
        let settings = PgWorkerSettings {
            concurrency: self.settings.pg_concurrency,
            authorize_timeout: self.settings.pg_authorize_timeout,
            timeout: self.settings.pg_timeout,
        };
        let factory = move || PgWorker::new(ports.clone(), gates.clone(), settings.clone());
        ctx.start_child(ChildSpec::new(name, name, factory).mailbox(65_536))
    }

    async fn payments(
        &self,
        journal: JournalHandles,
        workers: WorkerHandles,
        ctx: &mut Ctx<Self>,
    ) -> Result<ShardHandles, Failure> {
        let deps = Arc::new(PaymentDeps {
            ports: self.ports.clone(),
            rules: self.settings.rules.clone(),
            journal,
            workers,
            passivate_after: self.settings.passivate_after,
            alone: self.settings.alone,
        });
        let sequences = Arc::new(Sequences::new(self.ports.clone()));
        let (shards, arbiters) = (self.settings.shards, self.arbiters.clone());
        let factory =
            move || Payments::new(Arc::clone(&deps), Arc::clone(&sequences), shards, arbiters.clone());
        let payments = ctx.start_child(ChildSpec::new("payments", "payments", factory));
        Ok(payments.ask(PaymentsMessage::Shards).await?)
    }

    fn consumers(&self, shards: &ShardHandles, ctx: &mut Ctx<Self>) {
        let ports = self.ports.clone();
        if self.settings.duties.has(Duty::Ledger) {
            for database in 0..ports.store.databases().count() {
                let name = if database == 0 { "ledger".to_owned() } else { format!("ledger-{database}") };
                let ports = ports.clone();
                let factory = move || Ledger::new(ports.clone(), database);
                ctx.start_child(ChildSpec::new(name, "ledger", factory));
            }
        }
        self.recovery(shards, ctx);
        let ports = self.ports.clone();
        ctx.start_child(ChildSpec::new("limiter", "limiter", move || Limiter::new(ports.clone())));
    }

    fn recovery(&self, shards: &ShardHandles, ctx: &mut Ctx<Self>) {
        let (ports, shards) = (self.ports.clone(), shards.clone());
        let settings = RecoverySettings {
            sweep: self.settings.recovery_sweep,
            lease: self.settings.rules.lease,
            kinds: self.settings.duties.due_kinds(),
            alone: self.settings.alone,
        };
        if settings.kinds.is_empty() {
            return;
        }
        let factory = move || Recovery::new(ports.clone(), shards.clone(), settings.clone());
        let recovery = ctx.start_child(ChildSpec::new("recovery", "recovery", factory));
        if let Some(settings) = wakeups(&self.settings.duties) {
            let ports = self.ports.clone();
            let factory = move || Wakeups::new(ports.clone(), recovery.clone(), settings.clone());
            ctx.start_child(ChildSpec::new("wakeups", "wakeups", factory));
        }
    }
}

/// What a process that works for others listens to. One that does everything hears of its own requests in memory.
fn wakeups(duties: &Duties) -> Option<WakeupSettings> {
    if duties.is_all() {
        return None;
    }
    match (duties.has(Duty::Settlement), duties.has(Duty::Refund)) {
        (true, true) => Some(WakeupSettings {
            group: "payment-workers",
            topics: vec![Topic::CaptureRequested, Topic::RefundRequested],
        }),
        (true, false) => {
            Some(WakeupSettings { group: "payment-settlement", topics: vec![Topic::CaptureRequested] })
        }
        (false, true) => {
            Some(WakeupSettings { group: "payment-refund", topics: vec![Topic::RefundRequested] })
        }
        (false, false) => None,
    }
}

impl Actor for Root {
    type Message = RootMessage;
    type Observed = ();

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        let breakers = self.breakers(ctx);
        let outbox = self.outbox(ctx).await?;
        let journal = self.journal(outbox, ctx).await?;
        let duties = &self.settings.duties;
        let authorizes = duties.has(Duty::Api) || duties.has(Duty::Recovery);
        let workers = WorkerHandles {
            authorization: authorizes.then(|| self.worker("authorization", ctx)),
            settlement: duties.has(Duty::Settlement).then(|| self.worker("settlement", ctx)),
            refund: duties.has(Duty::Refund).then(|| self.worker("refund", ctx)),
        };
        let shards = self.payments(journal, workers, ctx).await?;
        self.consumers(&shards, ctx);
        self.started.send_replace(Some(Started { shards, breakers }));
        Ok(())
    }

    async fn handle(&mut self, message: RootMessage, _ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {}
    }

    fn observe(&self) {}
}
