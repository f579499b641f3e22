//! What an incarnation and its driver share on their thread: messages the actor sent itself, futures and
//! timers it asked for, and how far it is. Gone with the incarnation.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

use super::actor::Actor;
use super::background::{Background, Task};
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

/// The children an actor watches.
struct Watching<A: Actor> {
    children: BTreeMap<u64, Watch<A>>,
    /// Exits that are not yet made into messages: that is the actor's code.
    exits: Vec<(Watch<A>, ChildExit)>,
}

pub(super) struct Local<A: Actor> {
    /// Outputs of background futures, due timers and exits of watched children; taken before the mailbox.
    inbox: RefCell<VecDeque<A::Message>>,
    /// Futures asked for during the current poll, not yet taken over by the driver.
    pub(super) spawned: RefCell<Vec<Task<A::Message>>>,
    pub(super) background: RefCell<Background<A::Message>>,
    pub(super) timers: RefCell<Timers<A::Message>>,
    /// Absent in actors that watch no child, which are most.
    watching: RefCell<Option<Box<Watching<A>>>>,
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

    /// The next of those messages; an actor without any keeps no room for them.
    pub(super) fn take_noted(&self) -> Option<A::Message> {
        let mut inbox = self.inbox.borrow_mut();
        let message = inbox.pop_front();
        if inbox.is_empty() {
            *inbox = VecDeque::new();
        }
        message
    }

    pub(super) fn has_noted(&self) -> bool {
        !self.inbox.borrow().is_empty()
    }

    /// Each exit of the child becomes a message.
    pub(super) fn watch(&self, child: u64, watch: Watch<A>) {
        let none = || Box::new(Watching { children: BTreeMap::new(), exits: Vec::new() });
        self.watching.borrow_mut().get_or_insert_with(none).children.insert(child, watch);
    }

    /// A child exited, of which `describe` tells when it is watched.
    pub(super) fn child_exited(&self, child: u64, describe: impl FnOnce() -> ChildExit) {
        let mut watching = self.watching.borrow_mut();
        let Some(watching) = watching.as_mut() else { return };
        let Some(watch) = watching.children.get(&child).copied() else { return };
        let exit = describe();
        if !exit.restarts {
            watching.children.remove(&child);
        }
        watching.exits.push((watch, exit));
    }

    /// Exits that came since the last time.
    pub(super) fn take_exits(&self) -> Vec<(Watch<A>, ChildExit)> {
        let mut watching = self.watching.borrow_mut();
        watching.as_mut().map(|watching| std::mem::take(&mut watching.exits)).unwrap_or_default()
    }

    pub(super) fn new() -> Self {
        Self {
            inbox: RefCell::default(),
            spawned: RefCell::default(),
            background: RefCell::new(Background::new()),
            timers: RefCell::new(Timers::new()),
            watching: RefCell::default(),
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
        !self.has_noted() && self.spawned.borrow().is_empty() && self.awaited.get() == 0
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
