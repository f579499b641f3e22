//! The tree as data, in the shape the operator API promises.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::exit::Exit;
use super::slot::ActorState;
use super::spec::{Policy, Strategy};

/// The tree at one moment. Nodes are read one after the other, so counts of neighbours may be a few
/// messages apart.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TreeSnapshot {
    /// When it was taken, by the wall clock.
    pub taken_at: DateTime<Utc>,
    /// Counts over all actors.
    pub summary: Summary,
    /// The root, or the node that was asked for.
    pub tree: NodeView,
}

/// Counts over all actors, whatever part of the tree was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Actors with an incarnation.
    pub alive: u64,
    /// Ending or ended, about to be started again.
    pub restarting: u64,
    /// Waiting out a restart delay.
    pub backing_off: u64,
    /// Restarted too often.
    pub given_up: u64,
    /// Messages in all mailboxes.
    pub queued: u64,
    /// Restarts since the program started.
    pub restarts_total: u64,
    /// Events committed but not yet published.
    pub outbox_pending: u64,
    /// Open dead letters.
    pub dead_letters: u64,
}

/// One actor.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Where it is, `root/…`.
    pub path: String,
    /// Its kind.
    pub kind: &'static str,
    /// What it is doing.
    pub state: ActorState,
    /// Its intake is paused by an operator.
    pub paused: bool,
    /// How it restarts its children; null for actors without any.
    pub strategy: Option<Strategy>,
    /// How often it restarts one child; null for actors without any.
    pub restart_limit: Option<LimitView>,
    /// When it is restarted itself.
    pub policy: Policy,
    /// Messages waiting.
    pub mailbox_length: usize,
    /// Messages that may wait.
    pub mailbox_capacity: usize,
    /// How long the first of them has waited; null when none does.
    pub oldest_message_age_ms: Option<u64>,
    /// Messages handled by all its incarnations.
    pub messages_total: u64,
    /// Over the last five to ten seconds.
    pub messages_per_second: f64,
    /// 99th percentile of the time a message took; null before the first.
    pub handler_p99_micros: Option<u64>,
    /// The message being handled.
    pub current: Option<Current>,
    /// Restarts its supervisor counts against the limit.
    pub restarts_in_window: u32,
    /// Restarts of any cause.
    pub restarts_total: u64,
    /// 1 at first start, one more at each restart.
    pub generation: u64,
    /// How the last incarnation ended.
    pub last_exit: Option<Exit>,
    /// The last exits, oldest first; only of the node that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exits: Vec<Exit>,
    /// How long the incarnation has lived; null while there is none.
    pub uptime_ms: Option<u64>,
    /// The actor's own state.
    pub observed: serde_json::Value,
    /// How many children it has, ended ones that are still shown included.
    pub children_total: usize,
    /// Those in need of attention first, then by name.
    pub children: Vec<NodeView>,
}

/// A restart limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitView {
    /// Restarts of one child within the window.
    pub count: u32,
    /// The window.
    pub window_ms: u64,
}

/// What an actor is handling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Current {
    /// The message's label.
    pub message: &'static str,
    /// For how long.
    pub elapsed_ms: u64,
}
