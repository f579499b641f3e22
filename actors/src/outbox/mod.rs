//! The outbox: committed records reach the event log, in order per payment, at least once.
//!
//! Owns publishing. Records come in memory right after their commit; a sweep brings back what a crash, a full
//! mailbox or an open breaker left in the table. A stuck record holds up only its own payment. Never publishes
//! what is not committed: everything it knows came from the journal after a commit, or from the table.

mod gaps;
mod lane;
mod queue;

pub use lane::{OutboxLane, OutboxLaneMessage};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use payment_schema::ids::PaymentId;
use serde::Serialize;

use crate::breaker::Gate;
use crate::ports::Ports;
use crate::ports::databases::Databases;
use crate::ports::journal_store::OutboxRecord;
use crate::ports::meter::Measure;
use crate::supervision::{Actor, ChildSpec, Ctx, Failure, Handle, Message, Next, Reply};

/// How the outbox works.
#[derive(Debug, Clone)]
pub struct OutboxSettings {
    /// How many lanes of each database publish at the same time.
    pub lanes: usize,
    /// Most records in one publication.
    pub batch: usize,
    /// Beyond so many records in memory, the table holds the rest until there is room.
    pub held: usize,
    /// How often a lane looks for records that were left behind.
    pub sweep: Duration,
    /// Most records of the table read at once.
    pub sweep_page: u32,
    /// Records in the table younger than this are left to the process that committed them.
    pub grace: Duration,
    /// How long published rows are kept.
    pub retention: Duration,
}

/// What a lane shares with those who hand records over.
struct LaneLink {
    handle: Handle<OutboxLane>,
    /// Set when a hand-over was refused: the lane's next sweep must read the table.
    missed: Arc<AtomicBool>,
}

/// The lanes, by payment.
#[derive(Clone)]
pub struct OutboxHandles {
    lanes: Arc<[LaneLink]>,
    databases: Databases,
}

impl OutboxHandles {
    /// No lanes: another process publishes what it finds in the table.
    #[must_use]
    pub fn elsewhere() -> Self {
        Self { lanes: Arc::new([]), databases: Databases::one() }
    }

    /// Hands committed records over. A lane that cannot take them finds them in the table.
    pub fn hand_over(&self, records: Vec<OutboxRecord>) {
        let mut shares: Vec<Vec<OutboxRecord>> = vec![Vec::new(); self.lanes.len()];
        let of_each = self.lanes.len() / self.databases.count();
        for record in records {
            if let Some(share) = shares.get_mut(lane_of(record.payment_id, &self.databases, of_each)) {
                share.push(record);
            }
        }
        for (lane, share) in self.lanes.iter().zip(shares) {
            if !share.is_empty() && lane.handle.tell(OutboxLaneMessage::Committed(share)).is_err() {
                lane.missed.store(true, Ordering::Release);
            }
        }
    }
}

/// The lane of a payment; always the same one, so that its records keep their order. Lanes serve one database each: a
/// sweep or a mark that fails holds up nobody else's records.
fn lane_of(id: PaymentId, databases: &Databases, of_each: usize) -> usize {
    let mixed = id.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let lanes = u64::try_from(of_each.max(1)).expect("there are few lanes");
    let among_its_own = usize::try_from(mixed % lanes).expect("an index of few lanes fits");
    databases.keeping(id.slot()) * of_each + among_its_own
}

/// Which lane one is.
struct Place {
    index: usize,
    databases: Databases,
}

impl Place {
    /// The database whose records it publishes.
    fn database(&self, of_each: usize) -> usize {
        self.index / of_each.max(1)
    }
}

/// Supervises the lanes, counts the backlog and prunes what was published long ago.
pub struct Outbox {
    ports: Ports,
    gate: Arc<Gate>,
    settings: OutboxSettings,
    links: Vec<(Handle<OutboxLane>, Arc<AtomicBool>)>,
    backlog: Arc<AtomicU64>,
    pruned_total: u64,
}

/// Messages of the outbox's supervisor.
pub enum OutboxMessage {
    /// Where are the lanes?
    Lanes(Reply<OutboxHandles>),
    /// Time to count and prune.
    Tend,
    /// The table was looked at: what waits, and how many rows went.
    Tended {
        /// Records waiting, and how long the oldest has waited; `None` when that could not be read.
        backlog: Option<(u64, Duration)>,
        /// Rows deleted.
        pruned: u64,
    },
}

impl Message for OutboxMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Lanes(_) => "lanes",
            Self::Tend => "tend",
            Self::Tended { .. } => "tended",
        }
    }
}

/// What operators see of the outbox.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxObserved {
    lanes: usize,
    pending: u64,
    pruned_total: u64,
}

const TEND_EVERY: Duration = Duration::from_secs(5);
const PRUNE_AT_ONCE: u32 = 1_000;

impl Outbox {
    /// An outbox that publishes through `gate`; `backlog` is where others read how much waits.
    #[must_use]
    pub fn new(ports: Ports, gate: Arc<Gate>, settings: OutboxSettings, backlog: Arc<AtomicU64>) -> Self {
        Self { ports, gate, settings, links: Vec::new(), backlog, pruned_total: 0 }
    }

    fn tend(&self, ctx: &mut Ctx<Self>) {
        let ports = self.ports.clone();
        let retention = self.settings.retention;
        ctx.spawn(async move {
            let now = payment_schema::time::Timestamp::from(ports.clock.now());
            let keep_from = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
            let before =
                payment_schema::time::Timestamp::from_micros(now.as_micros().saturating_sub(keep_from));
            let pruned = ports.store.prune_published(before, PRUNE_AT_ONCE).await.unwrap_or(0);
            let backlog =
                ports.store.backlog().await.ok().map(|(pending, oldest)| {
                    (pending, oldest.map_or(Duration::ZERO, |since| now.since(since)))
                });
            OutboxMessage::Tended { backlog, pruned }
        });
    }
}

impl Actor for Outbox {
    type Message = OutboxMessage;
    type Observed = OutboxObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        let databases = self.ports.store.databases();
        for index in 0..self.settings.lanes.max(1) * databases.count() {
            let missed = Arc::new(AtomicBool::new(false));
            let (ports, gate, settings) = (self.ports.clone(), Arc::clone(&self.gate), self.settings.clone());
            let (flag, databases) = (Arc::clone(&missed), databases.clone());
            let factory = move || {
                let place = Place { index, databases: databases.clone() };
                OutboxLane::new(place, ports.clone(), Arc::clone(&gate), settings.clone(), Arc::clone(&flag))
            };
            let spec = ChildSpec::new(format!("lane-{index}"), "outbox-lane", factory).mailbox(16_384);
            self.links.push((ctx.start_child(spec), missed));
        }
        ctx.after(TEND_EVERY, OutboxMessage::Tend);
        Ok(())
    }

    async fn handle(&mut self, message: OutboxMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            OutboxMessage::Lanes(reply) => {
                let link = |(handle, missed): &(Handle<OutboxLane>, Arc<AtomicBool>)| LaneLink {
                    handle: handle.clone(),
                    missed: Arc::clone(missed),
                };
                let databases = self.ports.store.databases();
                reply.send(OutboxHandles { lanes: self.links.iter().map(link).collect(), databases });
            }
            OutboxMessage::Tend => self.tend(ctx),
            OutboxMessage::Tended { backlog, pruned } => {
                self.pruned_total += pruned;
                if let Some((pending, oldest)) = backlog {
                    self.backlog.store(pending, Ordering::Relaxed);
                    self.ports.meter.record(Measure::OutboxBacklog { pending, oldest });
                }
                // A full helping means there is more to prune.
                let again =
                    if pruned == u64::from(PRUNE_AT_ONCE) { Duration::from_millis(100) } else { TEND_EVERY };
                ctx.after(again, OutboxMessage::Tend);
            }
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> OutboxObserved {
        OutboxObserved {
            lanes: self.links.len(),
            pending: self.backlog.load(Ordering::Relaxed),
            pruned_total: self.pruned_total,
        }
    }
}
