//! The journal: every change of a payment becomes durable here, before anybody else sees it.
//!
//! Owns group commit. A lane collects appends while one transaction is committing and puts them into the next, so
//! the cost of a commit is shared by all payments in flight. Committed records are handed to the outbox in memory.
//! Never decides anything, never changes an append.

mod lane;

pub use lane::{AppendFailure, Lane, LaneMessage};

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use payment_schema::ids::{PaymentId, Slot};

use crate::outbox::OutboxHandles;
use crate::ports::Ports;
use crate::ports::databases::Databases;
use crate::supervision::{Actor, ChildSpec, Ctx, Failure, Handle, Message, Next, Reply};

/// The lanes, by payment. Every database has its own, so that commits to one never wait for another.
#[derive(Clone)]
pub struct JournalHandles {
    lanes: Arc<[LaneLink]>,
    databases: Databases,
}

/// What a lane shares with those who append.
#[derive(Clone)]
struct LaneLink {
    handle: Handle<Lane>,
    /// How many appends wait for a transaction.
    waiting: Arc<AtomicUsize>,
}

/// Appends that may wait in a lane before nothing new should be begun: more than the full batch that begins a second
/// transaction, or there would never be one.
const ENOUGH: usize = 384;

impl JournalHandles {
    /// The lane of a payment; always the same one, so that its appends keep their order.
    #[must_use]
    pub fn lane(&self, id: PaymentId) -> &Handle<Lane> {
        &self.link(id.slot()).handle
    }

    /// Whether so much waits for the lane of a slot that nothing new should be begun there.
    #[must_use]
    pub fn is_congested(&self, slot: Slot) -> bool {
        self.link(slot).waiting.load(Ordering::Relaxed) >= ENOUGH
    }

    fn link(&self, slot: Slot) -> &LaneLink {
        let of_each = self.lanes.len() / self.databases.count();
        let index = self.databases.keeping(slot) * of_each + usize::from(slot.get()) % of_each;
        self.lanes.get(index).expect("every database has the same number of lanes, and at least one")
    }
}

/// Supervises the lanes.
pub struct Journal {
    ports: Ports,
    outbox: OutboxHandles,
    /// Of each database.
    lanes: usize,
    batch: usize,
    links: Vec<LaneLink>,
}

/// Messages of the journal's supervisor.
pub enum JournalMessage {
    /// Where are the lanes?
    Lanes(Reply<JournalHandles>),
}

impl Message for JournalMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Lanes(_) => "lanes",
        }
    }
}

impl Journal {
    /// A journal with so many lanes for each database and appends per commit.
    #[must_use]
    pub fn new(ports: Ports, outbox: OutboxHandles, lanes: usize, batch: usize) -> Self {
        Self { ports, outbox, lanes: lanes.max(1), batch: batch.max(1), links: Vec::new() }
    }
}

impl Actor for Journal {
    type Message = JournalMessage;
    type Observed = usize;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        for index in 0..self.lanes * self.ports.store.databases().count() {
            let (ports, outbox, batch) = (self.ports.clone(), self.outbox.clone(), self.batch);
            let waiting = Arc::new(AtomicUsize::new(0));
            let gauge = Arc::clone(&waiting);
            let factory = move || Lane::new(ports.clone(), outbox.clone(), batch, Arc::clone(&gauge));
            let spec = ChildSpec::new(format!("lane-{index}"), "journal-lane", factory).mailbox(65_536);
            self.links.push(LaneLink { handle: ctx.start_child(spec), waiting });
        }
        Ok(())
    }

    async fn handle(&mut self, message: JournalMessage, _ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        let JournalMessage::Lanes(reply) = message;
        let databases = self.ports.store.databases();
        reply.send(JournalHandles { lanes: self.links.clone().into(), databases });
        Ok(Next::Continue)
    }

    fn observe(&self) -> usize {
        self.links.len()
    }
}
