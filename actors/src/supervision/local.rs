//! What an incarnation and its driver share on their thread: messages the actor sent itself, futures and
//! timers it asked for, and how far it is. Gone with the incarnation.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use super::actor::Actor;
use super::background::Task;
use super::exit::{ChildExit, ExitReason};
use super::timers::Timers;

/// Which messages the incarnation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// All of them.
    Running,
    /// What is queued, and what background work in flight still brings; timers are off.
    Draining,
    /// None; the one being handled finishes.
    Holding,
    /// None; `stopping` runs.
    Stopping,
}

/// How an incarnation came to its end by itself.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The actor returned `Next::Stop`.
    StopRequested,
    /// `stopping` is done.
    Stopped,
    /// It failed.
    Crashed(ExitReason, String),
}

/// Which hook runs, to say so when it fails.
#[derive(Debug, Clone, Copy)]
pub(super) enum Activity {
    Started,
    Idle,
    Handling(&'static str),
    Stopping,
}

pub(super) type Watch<A> = fn(ChildExit) -> <A as Actor>::Message;

pub(super) struct Local<A: Actor> {
    /// Outputs of background futures, due timers and exits of watched children; taken before the mailbox.
    pub(super) inbox: RefCell<VecDeque<A::Message>>,
    /// Futures asked for during the current poll, not yet taken over by the driver.
    pub(super) spawned: RefCell<Vec<Task<A::Message>>>,
    pub(super) timers: RefCell<Timers<A::Message>>,
    pub(super) watches: RefCell<BTreeMap<u64, Watch<A>>>,
    /// Exits of watched children, not yet made into messages: that is the actor's code.
    pub(super) notices: RefCell<Vec<(Watch<A>, ChildExit)>>,
    pub(super) mode: Cell<Mode>,
    pub(super) activity: Cell<Activity>,
    pub(super) outcome: RefCell<Option<Outcome>>,
    /// Background futures that will bring a message; an orderly end waits for them.
    pub(super) awaited: Cell<usize>,
    /// Messages left in this poll, so that a flooded actor cannot keep its thread.
    pub(super) budget: Cell<u32>,
}

impl<A: Actor> Local<A> {
    /// Puts a message before those in the mailbox. There is one at a time in most actors, so there is room for one.
    pub(super) fn note(&self, message: A::Message) {
        let mut inbox = self.inbox.borrow_mut();
        if inbox.capacity() == 0 {
            inbox.reserve_exact(1);
        }
        inbox.push_back(message);
    }

    pub(super) fn new() -> Self {
        Self {
            inbox: RefCell::default(),
            spawned: RefCell::default(),
            timers: RefCell::new(Timers::new()),
            watches: RefCell::default(),
            notices: RefCell::default(),
            mode: Cell::new(Mode::Running),
            activity: Cell::new(Activity::Started),
            outcome: RefCell::default(),
            awaited: Cell::new(0),
            budget: Cell::new(0),
        }
    }

    /// No hook or handler is running.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.activity.get(), Activity::Idle)
    }

    /// Whether messages are taken at all.
    pub(super) fn takes_messages(&self) -> bool {
        matches!(self.mode.get(), Mode::Running | Mode::Draining)
    }

    /// Nothing the actor started itself is left to handle.
    pub(super) fn is_drained(&self) -> bool {
        self.inbox.borrow().is_empty() && self.spawned.borrow().is_empty() && self.awaited.get() == 0
    }

    /// Ends the incarnation: nothing more is taken, the driver finds the outcome after this poll.
    pub(super) fn end(&self, outcome: Outcome) {
        self.mode.set(Mode::Holding);
        *self.outcome.borrow_mut() = Some(outcome);
    }

    /// A failure or a panic's message with the hook it happened in.
    pub(super) fn describe(&self, detail: &str) -> String {
        match self.activity.get() {
            Activity::Started => format!("in started: {detail}"),
            Activity::Handling(label) => format!("handling {label}: {detail}"),
            Activity::Stopping => format!("in stopping: {detail}"),
            Activity::Idle => detail.to_owned(),
        }
    }
}
