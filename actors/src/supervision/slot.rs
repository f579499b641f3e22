//! What outlives incarnations: the place of one actor in the tree, with its mailbox, statistics and exits.
//! Handles point here. Everything in it is read by the tree under short locks; no actor code runs under one.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use super::actor::Actor;
use super::ask::{Delivered, Refused};
use super::children::{ChildRef, Children};
use super::control::Control;
use super::exit::{Exit, ExitReason};
use super::kin::Kin;
use super::mailbox::{Mailbox, MailboxReading};
use super::spec::{RestartLimit, Settings, Strategy};
use super::statistics::{Latency, Rate};
use super::system::Shared;

/// How many exits a node remembers.
const KEPT_EXITS: usize = 20;

/// What an actor is doing, as the tree shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorState {
    /// Built, `started` not done.
    Starting,
    /// Waiting for a message.
    Running,
    /// Handling a message.
    Busy,
    /// Ending or ended, about to be started again.
    Restarting,
    /// Waiting out the delay before a restart.
    BackingOff,
    /// Restarted too often; its supervisor ended because of it.
    GivenUp,
    /// Ended for good.
    Stopped,
}

/// The changing part of a node.
pub(super) struct Status {
    pub(super) state: ActorState,
    pub(super) generation: u64,
    pub(super) since: Option<Instant>,
    pub(super) current: Option<(&'static str, Instant)>,
    pub(super) messages: u64,
    /// When the last message was done with.
    pub(super) last: Option<Instant>,
    pub(super) rate: Rate,
    pub(super) latency: Latency,
    /// Absent before the first exit: most actors end only once.
    history: Option<Box<History>>,
}

/// The ends of an actor's incarnations.
#[derive(Default)]
struct History {
    restarts: VecDeque<Instant>,
    exits: VecDeque<Exit>,
}

impl Status {
    fn new() -> Self {
        Self {
            state: ActorState::Stopped,
            generation: 0,
            since: None,
            current: None,
            messages: 0,
            last: None,
            rate: Rate::default(),
            latency: Latency::default(),
            history: None,
        }
    }

    fn history(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    /// How incarnations ended, the oldest first.
    pub(super) fn exits(&self) -> impl DoubleEndedIterator<Item = &Exit> {
        self.history.iter().flat_map(|history| &history.exits)
    }
}

/// The part of a slot that does not depend on the actor's type.
pub(super) struct Node {
    /// Rises with start order among siblings.
    pub(super) id: u64,
    pub(super) name: Arc<str>,
    kin: Arc<Kin>,
    pub(super) control: Control,
    pub(super) children: Mutex<Children>,
    pub(super) status: Mutex<Status>,
    /// Written by the parent's thread only: the child reported an exit and was not started since.
    pub(super) down: AtomicBool,
    /// Written by the parent's thread only: left over from the parent's last incarnation.
    pub(super) dormant: AtomicBool,
}

impl Node {
    fn new(name: &str, id: u64, kin: Arc<Kin>) -> Self {
        Self {
            id,
            name: name.into(),
            kin,
            control: Control::default(),
            children: Mutex::default(),
            status: Mutex::new(Status::new()),
            down: AtomicBool::new(false),
            dormant: AtomicBool::new(false),
        }
    }

    /// Where the actor is in the tree, `root/…`; put together when it is asked for.
    pub(super) fn path(&self) -> String {
        self.kin.path(&self.name)
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.kin.settings
    }

    pub(super) fn system(&self) -> &Arc<Shared> {
        &self.kin.system
    }

    pub(super) fn is_root(&self) -> bool {
        self.kin.is_root()
    }

    /// How this actor supervises its children.
    pub(super) fn supervision(&self) -> (Strategy, RestartLimit) {
        self.settings().supervises.unwrap_or((Strategy::OneForOne, self.system().restart_limit))
    }

    pub(super) fn parent(&self) -> Option<ChildRef> {
        self.kin.parent()
    }

    pub(super) fn set_state(&self, state: ActorState) {
        let mut status = self.status.lock();
        self.change_state(&mut status, state);
    }

    fn change_state(&self, status: &mut Status, state: ActorState) {
        if let Some(counter) = self.counter(status.state) {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(counter) = self.counter(state) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        status.state = state;
    }

    fn counter(&self, state: ActorState) -> Option<&AtomicU64> {
        match state {
            ActorState::Starting | ActorState::Running | ActorState::Busy => Some(&self.kin.counts.alive),
            ActorState::Restarting => Some(&self.kin.counts.restarting),
            ActorState::BackingOff => Some(&self.kin.counts.backing_off),
            ActorState::GivenUp => Some(&self.kin.counts.given_up),
            ActorState::Stopped => None,
        }
    }

    /// A new incarnation begins; returns its number.
    pub(super) fn begin_incarnation(&self) -> u64 {
        let mut status = self.status.lock();
        status.generation += 1;
        status.since = Some(Instant::now());
        status.current = None;
        self.change_state(&mut status, ActorState::Starting);
        let generation = status.generation;
        drop(status);
        if generation > 1 {
            self.kin.counts.restarts.fetch_add(1, Ordering::Relaxed);
            if let Some(observer) = &self.system().observer {
                observer.restarted(self.settings().kind);
            }
        }
        generation
    }

    pub(super) fn mark_running(&self) {
        self.set_state(ActorState::Running);
    }

    pub(super) fn begin_message(&self, label: &'static str) -> Instant {
        let now = Instant::now();
        self.status.lock().current = Some((label, now));
        now
    }

    pub(super) fn finish_message(&self, begun: Instant) {
        let now = Instant::now();
        let took = now - begun;
        let mut status = self.status.lock();
        status.current = None;
        status.messages += 1;
        status.last = Some(now);
        status.rate.record(now);
        status.latency.record(took);
        drop(status);
        if let Some(observer) = &self.system().observer {
            observer.handled(self.settings().kind, took);
        }
    }

    /// How long ago the actor was done with its last message, or was started; nothing while it handles one.
    pub(super) fn rests_since(&self) -> Option<Instant> {
        let status = self.status.lock();
        if status.current.is_some() {
            return None;
        }
        status.last.max(status.since)
    }

    /// Makes an exit of the current incarnation, stamped with the wall clock.
    pub(super) fn exit(&self, reason: ExitReason, detail: String) -> Exit {
        let at = self.system().clock.now();
        Exit { reason, detail, at, generation: self.status.lock().generation }
    }

    pub(super) fn record_exit(&self, exit: Exit) {
        let mut status = self.status.lock();
        status.current = None;
        status.since = None;
        let exits = &mut status.history().exits;
        if exits.len() == KEPT_EXITS {
            exits.pop_front();
        }
        exits.push_back(exit);
    }

    /// Restarts of this actor within the last `window`.
    pub(super) fn restarts_within(&self, window: Duration) -> u32 {
        let now = Instant::now();
        let mut status = self.status.lock();
        let Some(restarts) = status.history.as_mut().map(|history| &mut history.restarts) else { return 0 };
        while restarts.front().is_some_and(|at| now.saturating_duration_since(*at) > window) {
            restarts.pop_front();
        }
        u32::try_from(restarts.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn note_restart(&self) {
        self.status.lock().history().restarts.push_back(Instant::now());
    }

    /// A new incarnation of its supervisor counts from zero.
    pub(super) fn forget_restarts(&self) {
        if let Some(history) = &mut self.status.lock().history {
            history.restarts.clear();
        }
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }
}

impl Drop for Node {
    /// Takes the actor out of the counts of its kind.
    fn drop(&mut self) {
        self.set_state(ActorState::Stopped);
    }
}

/// The place of an actor of type `A`.
pub(super) struct Slot<A: Actor> {
    pub(super) node: Node,
    mailbox: Mailbox<A::Message>,
    observed: Mutex<Option<A::Observed>>,
}

impl<A: Actor> Slot<A> {
    pub(super) fn new(name: &str, id: u64, kin: Arc<Kin>) -> Self {
        Self { node: Node::new(name, id, kin), mailbox: Mailbox::new(), observed: Mutex::new(None) }
    }

    pub(super) fn offer(
        &self,
        message: A::Message,
        delivered: Option<Delivered>,
    ) -> Result<(), Refused<A::Message>> {
        self.mailbox.offer(message, delivered, self.node.settings().capacity, &self.node.kin.counts.queued)
    }

    pub(super) fn take(&self, cx: &mut Context<'_>) -> Poll<A::Message> {
        self.mailbox.poll_take(cx, &self.node.kin.counts.queued)
    }

    pub(super) fn show(&self, observed: A::Observed) {
        *self.observed.lock() = Some(observed);
    }

    pub(super) fn close(&self) {
        self.mailbox.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.mailbox.is_closed()
    }

    pub(super) fn reopen(&self) {
        self.mailbox.reopen();
    }

    pub(super) fn queued(&self) -> usize {
        self.mailbox.len()
    }

    /// Closes the mailbox for good; returns how many messages nobody will handle.
    pub(super) fn discard(&self) -> usize {
        self.mailbox.discard(&self.node.kin.counts.queued)
    }
}

/// A slot whatever the actor's type.
pub(super) trait AnySlot: Send + Sync + 'static {
    fn node(&self) -> &Node;
    fn mailbox(&self) -> MailboxReading;
    fn set_paused(&self, paused: bool);
    /// The actor's last snapshot as JSON; null before the first.
    fn observed(&self) -> serde_json::Value;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<A: Actor> AnySlot for Slot<A> {
    fn node(&self) -> &Node {
        &self.node
    }

    fn mailbox(&self) -> MailboxReading {
        self.mailbox.read()
    }

    fn set_paused(&self, paused: bool) {
        self.mailbox.set_paused(paused);
    }

    fn observed(&self) -> serde_json::Value {
        let observed = self.observed.lock().clone();
        observed.and_then(|value| serde_json::to_value(value).ok()).unwrap_or(serde_json::Value::Null)
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
