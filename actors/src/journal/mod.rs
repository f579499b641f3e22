//! The journal: every change of a payment becomes durable here, before anybody else sees it.
//!
//! Owns group commit. A lane collects appends while one transaction is committing and puts them into the next, so
//! the cost of a commit is shared by all payments in flight. Committed records are handed to the outbox in memory.
//! Never decides anything, never changes an append.

mod births;
mod lane;
mod waiting;

pub use births::Birth;
pub use lane::{AppendFailure, Lane, LaneMessage};

use std::sync::Arc;

use payment_schema::ids::{PaymentId, Slot};

use crate::outbox::OutboxHandles;
use crate::ports::Ports;
use crate::ports::databases::Databases;
use crate::supervision::{Actor, ChildSpec, Ctx, Failure, Handle, Message, Next, Reply};
use births::Births;

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
    births: Births,
}

impl JournalHandles {
    /// The lane of a payment; always the same one, so that its appends keep their order.
    #[must_use]
    pub fn lane(&self, id: PaymentId) -> &Handle<Lane> {
        &self.link(id.slot()).handle
    }

    /// Lets a payment of this slot be begun; not when so many are on their way to the lane that it would come late.
    #[must_use]
    pub fn begin(&self, slot: Slot) -> Option<Birth> {
        self.link(slot).births.begin()
    }

    /// Lets a payment be begun whose first try was interrupted; it was let in before.
    #[must_use]
    pub fn begin_again(&self, slot: Slot) -> Birth {
        self.link(slot).births.count()
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
            let births = Births::new();
            let watched = births.clone();
            let factory = move || Lane::new(ports.clone(), outbox.clone(), watched.clone(), batch);
            let spec = ChildSpec::new(format!("lane-{index}"), "journal-lane", factory).mailbox(65_536);
            self.links.push(LaneLink { handle: ctx.start_child(spec), births });
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
