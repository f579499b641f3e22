//! Recovery: payments that everybody forgot are found by their due moment and woken.
//!
//! Owns the sweep. After a crash it takes up everything that was in flight; in steady state it is the safety net
//! under timers, lost messages and passivated holds. Never decides anything: the payment's actor does.

use std::time::Duration;

use payment_schema::ids::PaymentId;
use payment_schema::payment::DueKind;
use payment_schema::time::Timestamp;
use serde::Serialize;

use crate::payments::{PaymentMessage, ShardHandles, ShardMessage};
use crate::ports::{Ports, StoreError};
use crate::supervision::{Actor, Ctx, Failure, Message, Next, TimerId};

/// How recovery works.
#[derive(Debug, Clone)]
pub struct RecoverySettings {
    /// How often it looks.
    pub sweep: Duration,
    /// How long a payment it woke is left alone.
    pub lease: Duration,
    /// Which due payments it looks after.
    pub kinds: Vec<DueKind>,
    /// The first sweep takes up everything open, because nobody else can be at it.
    pub alone: bool,
}

/// Messages of recovery.
pub enum RecoveryMessage {
    /// Look for due payments.
    Sweep,
    /// Something has become due elsewhere: look now.
    Nudge,
    /// A page of due payments.
    Found(Result<Vec<PaymentId>, StoreError>),
}

impl Message for RecoveryMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Nudge => "nudge",
            Self::Found(_) => "found",
        }
    }
}

/// What operators see of recovery.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryObserved {
    sweeps_total: u64,
    woken_total: u64,
    first_sweep_done: bool,
}

/// Finds and wakes due payments.
pub struct Recovery {
    ports: Ports,
    shards: ShardHandles,
    settings: RecoverySettings,
    sweeps_total: u64,
    woken_total: u64,
    /// Set until the first sweep of a process that is alone is done: what is due by then is taken up. That is every
    /// lease of a process that is gone, for none was given for longer.
    horizon: Option<Timestamp>,
    /// The next sweep, unless one is under way.
    next: Option<TimerId>,
    /// Somebody asked for a look while one was under way.
    nudged: bool,
}

const PAGE: u32 = 500;
const A_MOMENT: Duration = Duration::from_millis(1);

impl Recovery {
    /// Recovery for the payments of these shards.
    #[must_use]
    pub fn new(ports: Ports, shards: ShardHandles, settings: RecoverySettings) -> Self {
        Self {
            ports,
            shards,
            settings,
            sweeps_total: 0,
            woken_total: 0,
            horizon: None,
            next: None,
            nudged: false,
        }
    }

    fn sweep_after(&mut self, delay: Duration, ctx: &mut Ctx<Self>) {
        let delay = if std::mem::take(&mut self.nudged) { Duration::ZERO } else { delay };
        self.next = Some(ctx.after(delay, RecoveryMessage::Sweep));
    }

    fn nudge(&mut self, ctx: &mut Ctx<Self>) {
        match self.next.take() {
            Some(timer) => {
                ctx.cancel(timer);
                self.sweep(ctx);
            }
            None => self.nudged = true,
        }
    }

    fn sweep(&mut self, ctx: &mut Ctx<Self>) {
        self.next = None;
        let ports = self.ports.clone();
        let RecoverySettings { lease, kinds, .. } = self.settings.clone();
        let horizon = self.horizon;
        ctx.spawn(async move {
            let now = Timestamp::from(ports.clock.now());
            // What the horizon's sweep claims is due just behind it: not on its next page again, and no later than
            // the first sweep of the next process reaches, should this one die soon.
            let (due_by, until) = match horizon {
                Some(horizon) => (horizon, horizon.plus(A_MOMENT)),
                None => (now, now.plus(lease)),
            };
            RecoveryMessage::Found(ports.store.claim_due(&kinds, due_by, until, PAGE).await)
        });
    }

    fn found(&mut self, page: Result<Vec<PaymentId>, StoreError>, ctx: &mut Ctx<Self>) {
        let page = match page {
            Ok(page) => page,
            Err(cause) => {
                tracing::warn!(%cause, "due payments not readable, looking again later");
                self.nudged = false;
                self.sweep_after(self.settings.sweep.min(Duration::from_secs(1)), ctx);
                return;
            }
        };
        self.sweeps_total += 1;
        for id in &page {
            // A refused wake is no loss: the payment is due again when its lease is over.
            let _sent = self.shards.of_payment(*id).tell(ShardMessage::ToPayment(*id, PaymentMessage::Wake));
        }
        self.woken_total += u64::try_from(page.len()).unwrap_or(u64::MAX);
        if u32::try_from(page.len()).is_ok_and(|found| found >= PAGE) {
            self.sweep_after(Duration::from_millis(10), ctx);
        } else {
            self.horizon = None;
            self.sweep_after(self.settings.sweep, ctx);
        }
    }
}

impl Actor for Recovery {
    type Message = RecoveryMessage;
    type Observed = RecoveryObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        // A later incarnation cannot tell what others have taken up since; leases tell.
        if self.settings.alone && ctx.generation() == 1 {
            let now = Timestamp::from(self.ports.clock.now());
            self.horizon = Some(now.plus(self.settings.lease).plus(A_MOMENT));
        }
        self.sweep(ctx);
        Ok(())
    }

    async fn handle(&mut self, message: RecoveryMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            RecoveryMessage::Sweep => self.sweep(ctx),
            RecoveryMessage::Nudge => self.nudge(ctx),
            RecoveryMessage::Found(page) => self.found(page, ctx),
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> RecoveryObserved {
        RecoveryObserved {
            sweeps_total: self.sweeps_total,
            woken_total: self.woken_total,
            first_sweep_done: self.horizon.is_none(),
        }
    }
}
