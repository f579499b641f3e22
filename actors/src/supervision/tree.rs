//! The tree as operators see and steer it. Reading takes short locks, one node at a time, and never waits
//! for an actor; drills are orders to drivers, so they work on an actor that hangs.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use super::actor::Actor;
use super::children::ChildRef;
use super::control::Command;
use super::handle::Handle;
use super::slot::{ActorState, Slot};
use super::snapshot::{Current, LimitView, NodeView, Summary, TreeSnapshot};
use super::statistics::read;
use super::system::Shared;

/// Children shown per node, but for the one that is asked for.
const SHOWN_CHILDREN: usize = 200;
/// A message handled for longer needs attention.
const LONG: Duration = Duration::from_secs(1);

/// Why a drill was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DrillError {
    /// No actor is at that path.
    #[error("no actor at that path")]
    UnknownPath,
    /// The root is the program; stop that instead.
    #[error("the root cannot be restarted, killed or paused; stop the program instead")]
    Root,
}

/// Counts over all actors of one kind, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindReading {
    /// The kind.
    pub kind: &'static str,
    /// Actors with an incarnation.
    pub alive: u64,
    /// Messages in their mailboxes.
    pub queued: u64,
    /// Restarts since the program started.
    pub restarts: u64,
}

/// Reads and steers the tree from any thread.
#[derive(Clone)]
pub struct TreeView {
    shared: Arc<Shared>,
    root: ChildRef,
}

impl TreeView {
    pub(super) fn new(shared: Arc<Shared>, root: ChildRef) -> Self {
        Self { shared, root }
    }

    /// The tree, or the part below `path`, down to `depth` levels (0: the node alone; None: all). None when
    /// nothing is at the path.
    pub fn snapshot(&self, path: Option<&str>, depth: Option<usize>) -> Option<TreeSnapshot> {
        let node = match path {
            None => Arc::clone(&self.root),
            Some(path) => self.find(path)?,
        };
        let shown = if path.is_some() { usize::MAX } else { SHOWN_CHILDREN };
        let mut tree = view(&node, depth.unwrap_or(usize::MAX), shown);
        if path.is_some() {
            tree.exits = node.node().status.lock().exits().cloned().collect();
        }
        Some(TreeSnapshot { taken_at: self.shared.clock.now(), summary: self.summary(), tree })
    }

    /// Counts over all actors.
    pub fn summary(&self) -> Summary {
        let gauges = self.shared.gauges.as_ref().map(|gauges| gauges()).unwrap_or_default();
        let mut summary = Summary {
            alive: 0,
            restarting: 0,
            backing_off: 0,
            given_up: 0,
            queued: 0,
            restarts_total: 0,
            outbox_pending: gauges.outbox_pending,
            dead_letters: gauges.dead_letters,
        };
        for counts in self.shared.kinds() {
            summary.alive += read(&counts.alive);
            summary.restarting += read(&counts.restarting);
            summary.backing_off += read(&counts.backing_off);
            summary.given_up += read(&counts.given_up);
            summary.queued += read(&counts.queued);
            summary.restarts_total += read(&counts.restarts);
        }
        summary
    }

    /// Counts per kind, by name.
    pub fn kinds(&self) -> Vec<KindReading> {
        let reading = |counts: &super::statistics::KindCounts| KindReading {
            kind: counts.kind,
            alive: read(&counts.alive),
            queued: read(&counts.queued),
            restarts: read(&counts.restarts),
        };
        self.shared.kinds().iter().map(|counts| reading(counts)).collect()
    }

    /// The handle of the actor at a path; None when there is none or it is of another type.
    pub fn handle<A: Actor>(&self, path: &str) -> Option<Handle<A>> {
        let slot = self.find(path)?.into_any().downcast::<Slot<A>>().ok()?;
        Some(Handle::new(slot))
    }

    /// Ends the incarnation in order (its message finishes, within the shutdown time) and builds a new one.
    /// Does not count against the restart limit.
    ///
    /// # Errors
    /// Nothing is at the path, or it is the root.
    pub fn restart(&self, path: &str, reason: &str) -> Result<(), DrillError> {
        self.order(path, "restart", reason, |detail| Command::Restart { detail })
    }

    /// Crashes the incarnation; its supervisor treats that like any crash.
    ///
    /// # Errors
    /// Nothing is at the path, or it is the root.
    pub fn kill(&self, path: &str, reason: &str) -> Result<(), DrillError> {
        self.order(path, "kill", reason, |detail| Command::Kill { detail })
    }

    /// Refuses new messages; those queued are handled. Lasts across restarts.
    ///
    /// # Errors
    /// Nothing is at the path, or it is the root.
    pub fn pause(&self, path: &str, reason: &str) -> Result<(), DrillError> {
        self.set_paused(path, reason, true)
    }

    /// Takes new messages again.
    ///
    /// # Errors
    /// Nothing is at the path, or it is the root.
    pub fn resume(&self, path: &str, reason: &str) -> Result<(), DrillError> {
        self.set_paused(path, reason, false)
    }

    fn order(
        &self,
        path: &str,
        drill: &'static str,
        reason: &str,
        command: fn(String) -> Command,
    ) -> Result<(), DrillError> {
        let target = self.target(path)?;
        tracing::info!(path, drill, reason, "operator drill");
        if target.node().control.push(command(reason.to_owned())) {
            Ok(())
        } else {
            Err(DrillError::UnknownPath)
        }
    }

    fn set_paused(&self, path: &str, reason: &str, paused: bool) -> Result<(), DrillError> {
        self.target(path)?.set_paused(paused);
        tracing::info!(path, drill = if paused { "pause" } else { "resume" }, reason, "operator drill");
        Ok(())
    }

    fn target(&self, path: &str) -> Result<ChildRef, DrillError> {
        let target = self.find(path).filter(|found| !found.node().control.is_finished());
        let target = target.ok_or(DrillError::UnknownPath)?;
        if target.node().is_root() { Err(DrillError::Root) } else { Ok(target) }
    }

    /// Walks down from the root. A child's name may contain slashes, so every split of the rest is tried.
    fn find(&self, path: &str) -> Option<ChildRef> {
        let root = &*self.root.node().name;
        if path == root {
            return Some(Arc::clone(&self.root));
        }
        let rest = path.strip_prefix(root)?.strip_prefix('/')?;
        find_below(&self.root, rest)
    }
}

fn find_below(parent: &ChildRef, rest: &str) -> Option<ChildRef> {
    let whole = parent.node().children.lock().find(rest);
    whole.or_else(|| {
        rest.match_indices('/').find_map(|(at, _)| {
            let child = parent.node().children.lock().find(&rest[..at])?;
            find_below(&child, &rest[at + 1..])
        })
    })
}

fn view(child: &ChildRef, depth: usize, shown: usize) -> NodeView {
    let node = child.node();
    let mut view = describe(child);
    if depth > 0 {
        let children = first_in_need(node.children.lock().visible(), shown);
        view.children = children.iter().map(|child| self::view(child, depth - 1, SHOWN_CHILDREN)).collect();
    }
    view
}

/// The first `shown` of the children in the order of [`attention`]; without sorting the thousands behind.
fn first_in_need(children: Vec<ChildRef>, shown: usize) -> Vec<ChildRef> {
    let mut ranked: Vec<_> = children.into_iter().map(|child| (attention(&child), child)).collect();
    if ranked.len() > shown {
        ranked.select_nth_unstable_by(shown, |one, other| one.0.cmp(&other.0));
        ranked.truncate(shown);
    }
    ranked.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    ranked.into_iter().map(|(_, child)| child).collect()
}

/// Sorts those first that somebody should look at: given up, backing off, restarting, busy for long, then
/// the deepest mailbox, then by name.
fn attention(child: &ChildRef) -> (u8, Reverse<usize>, Arc<str>) {
    let node = child.node();
    let status = node.status.lock();
    let long = status.current.is_some_and(|(_, since)| since.elapsed() > LONG);
    let rank = match status.state {
        ActorState::GivenUp => 0,
        ActorState::BackingOff => 1,
        ActorState::Restarting => 2,
        ActorState::Starting | ActorState::Running | ActorState::Busy if long => 3,
        ActorState::Starting | ActorState::Running | ActorState::Busy | ActorState::Stopped => 4,
    };
    drop(status);
    (rank, Reverse(child.mailbox().length), Arc::clone(&node.name))
}

/// One node without its children.
fn describe(child: &ChildRef) -> NodeView {
    let node = child.node();
    let now = Instant::now();
    let mailbox = child.mailbox();
    let observed = child.observed();
    let window = node.parent().map_or(Duration::ZERO, |parent| parent.node().supervision().1.window);
    let restarts_in_window = node.restarts_within(window);
    let children_total = node.children.lock().visible_count();
    let supervises = node.settings().supervises.is_some() || children_total > 0;
    let (strategy, limit) = node.supervision();
    let mut status = node.status.lock();
    let current = status.current.map(|(message, since)| Current { message, elapsed_ms: millis(now - since) });
    let busy = status.state == ActorState::Running && current.is_some();
    NodeView {
        path: node.path(),
        kind: node.settings().kind,
        state: if busy { ActorState::Busy } else { status.state },
        paused: mailbox.paused,
        strategy: supervises.then_some(strategy),
        restart_limit: supervises
            .then_some(LimitView { count: limit.count, window_ms: millis(limit.window) }),
        policy: node.settings().policy,
        mailbox_length: mailbox.length,
        mailbox_capacity: node.settings().capacity,
        oldest_message_age_ms: mailbox.oldest.map(millis),
        messages_total: status.messages,
        messages_per_second: (status.rate.per_second(now) * 10.0).round() / 10.0,
        handler_p99_micros: status.latency.p99_micros(),
        current,
        restarts_in_window,
        restarts_total: status.generation.saturating_sub(1),
        generation: status.generation,
        last_exit: status.exits().next_back().cloned(),
        exits: Vec::new(),
        uptime_ms: status.since.map(|since| millis(now - since)),
        observed,
        children_total,
        children: Vec::new(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
