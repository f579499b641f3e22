//! The whole tree: starting the root, waiting for its end, orderly shutdown and the simulated crash.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{Notify, watch};

use super::actor::Actor;
use super::children::ChildRef;
use super::control::Command;
use super::driver;
use super::exit::{Exit, ExitReason};
use super::handle::Handle;
use super::kin::Kin;
use super::slot::Slot;
use super::spec::{ChildSpec, RestartLimit};
use super::statistics::KindCounts;
use super::tree::TreeView;
use crate::ports::clock::WallClock;
use crate::ports::random::Random;

/// Is told what happens to actors, for metrics. Called on the actors' threads: it must not block.
pub trait Observer: Send + Sync + 'static {
    /// An actor of that kind was started again.
    fn restarted(&self, kind: &'static str);
    /// An actor of that kind handled a message.
    fn handled(&self, kind: &'static str, took: Duration);
}

/// Numbers of the program that belong in the tree's summary but are not the tree's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Events committed but not yet published.
    pub outbox_pending: u64,
    /// Open dead letters.
    pub dead_letters: u64,
}

/// What a system is given from outside.
#[must_use]
pub struct SystemConfig {
    /// The restart limit of supervisors whose spec names none.
    pub restart_limit: RestartLimit,
    /// Draws the jitter of restart delays, the only randomness here.
    pub random: Arc<dyn Random>,
    /// Stamps exits and snapshots.
    pub clock: Arc<dyn WallClock>,
    /// Reads the numbers of the summary that others keep.
    pub gauges: Option<Arc<dyn Fn() -> Gauges + Send + Sync>>,
    /// Is told about restarts and messages.
    pub observer: Option<Arc<dyn Observer>>,
}

impl SystemConfig {
    /// Five restarts of one child in 60 s, no gauges, no observer.
    pub fn new(random: Arc<dyn Random>, clock: Arc<dyn WallClock>) -> Self {
        let restart_limit = RestartLimit { count: 5, window: Duration::from_secs(60) };
        Self { restart_limit, random, clock, gauges: None, observer: None }
    }
}

/// The root ended though nobody asked it to; the program cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct RootFailure {
    /// Which actor ended, and why, down to the first cause.
    pub message: String,
}

/// What all slots of one tree share.
pub(super) struct Shared {
    pub(super) restart_limit: RestartLimit,
    pub(super) clock: Arc<dyn WallClock>,
    pub(super) gauges: Option<Arc<dyn Fn() -> Gauges + Send + Sync>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    random: Arc<dyn Random>,
    kinds: Mutex<BTreeMap<&'static str, Arc<KindCounts>>>,
    live: AtomicUsize,
    idle: Notify,
    crashed: AtomicBool,
    end: watch::Sender<Option<Result<(), RootFailure>>>,
}

impl Shared {
    /// A time between zero and the ceiling, evenly distributed.
    pub(super) fn jitter(&self, ceiling: Duration) -> Duration {
        let draw = u128::from(self.random.next_u64());
        let nanos = (ceiling.as_nanos().min(u128::from(u64::MAX)) * draw) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    pub(super) fn counts_of(&self, kind: &'static str) -> Arc<KindCounts> {
        Arc::clone(self.kinds.lock().entry(kind).or_insert_with(|| Arc::new(KindCounts::new(kind))))
    }

    pub(super) fn kinds(&self) -> Vec<Arc<KindCounts>> {
        self.kinds.lock().values().cloned().collect()
    }

    pub(super) fn is_crashed(&self) -> bool {
        self.crashed.load(Ordering::Acquire)
    }

    pub(super) fn root_ended(&self, path: &str, exit: &Exit) {
        let expected = matches!(exit.reason, ExitReason::Normal | ExitReason::Shutdown);
        let failure = RootFailure { message: format!("{path} ended: {exit}") };
        self.end.send_replace(Some(if expected { Ok(()) } else { Err(failure) }));
    }
}

/// Counts one actor task, from before it is spawned until it is dropped.
pub(super) struct Live {
    system: Arc<Shared>,
}

impl Live {
    pub(super) fn new(system: &Arc<Shared>) -> Self {
        system.live.fetch_add(1, Ordering::AcqRel);
        Self { system: Arc::clone(system) }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.system.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.system.idle.notify_waiters();
        }
    }
}

/// A running tree of actors.
pub struct System {
    shared: Arc<Shared>,
    root: ChildRef,
}

impl System {
    /// Starts the root, which starts the rest. Must be called on a thread of an actix system; the root runs
    /// there unless its spec says otherwise.
    pub fn start<R: Actor>(config: SystemConfig, root: ChildSpec<R>) -> Self {
        let shared = Arc::new(Shared {
            restart_limit: config.restart_limit,
            clock: config.clock,
            gauges: config.gauges,
            observer: config.observer,
            random: config.random,
            kinds: Mutex::default(),
            live: AtomicUsize::new(0),
            idle: Notify::new(),
            crashed: AtomicBool::new(false),
            end: watch::Sender::new(None),
        });
        let kin = Arc::new(Kin::new(root.settings, None, &shared));
        let slot: Arc<Slot<R>> = Arc::new(Slot::new(&root.name, 1, kin));
        driver::spawn(Arc::clone(&slot), root.factory, root.arbiter);
        Self { shared, root: slot }
    }

    /// The tree, to be read and steered from any thread.
    pub fn tree(&self) -> TreeView {
        TreeView::new(Arc::clone(&self.shared), Arc::clone(&self.root))
    }

    /// The handle of the actor at a path; None when there is none or it is of another type.
    pub fn handle<A: Actor>(&self, path: &str) -> Option<Handle<A>> {
        self.tree().handle(path)
    }

    /// Resolves when the root has ended, after all others have.
    ///
    /// # Errors
    /// When it ended though nobody asked it to: it failed, or gave up a child.
    pub async fn ended(&self) -> Result<(), RootFailure> {
        let mut end = self.shared.end.subscribe();
        let ended = end.wait_for(Option::is_some).await;
        ended.ok().and_then(|end| end.clone()).unwrap_or(Ok(()))
    }

    /// How many actors have a task.
    pub fn live(&self) -> usize {
        self.shared.live.load(Ordering::Acquire)
    }

    /// Ends the tree in reverse start order: each actor stops its intake, handles what it has, ends its
    /// children and runs `stopping`. Resolves when no task is left.
    pub async fn shutdown(&self) {
        self.root.node().control.push(Command::End);
        self.until_idle().await;
    }

    /// Drops every actor at once, as the death of the process would: no hook runs, no message is handled.
    /// Resolves when no task is left.
    pub async fn crash(&self) {
        self.shared.crashed.store(true, Ordering::Release);
        wake_all(&self.root);
        self.until_idle().await;
    }

    async fn until_idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.shared.idle.notified());
            idle.as_mut().enable();
            if self.live() == 0 {
                return;
            }
            idle.await;
        }
    }
}

fn wake_all(child: &ChildRef) {
    let children = child.node().children.lock().in_start_order();
    child.node().control.wake();
    for child in &children {
        wake_all(child);
    }
}
