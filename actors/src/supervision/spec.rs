//! How a child is to be run: the description a parent gives, with no state of its own.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::ArbiterHandle;
use serde::Serialize;

use super::actor::Actor;

/// When a child is started again after it ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Always.
    Permanent,
    /// After a crash, not after a normal end.
    Transient,
    /// Never.
    Temporary,
}

/// Which children a supervisor restarts when one of them has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Only the one that ended.
    OneForOne,
    /// All of them.
    OneForAll,
    /// The one that ended and those started after it.
    RestForOne,
}

/// How many restarts of one child are allowed before its supervisor gives it up and ends itself.
///
/// Counted per child, unlike OTP's one count per supervisor: a supervisor of thousands of payments must not
/// end because a few different ones crashed once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartLimit {
    /// Restarts allowed within the window; one more crash escalates.
    pub count: u32,
    /// The sliding window.
    pub window: Duration,
}

/// Builds an actor on its arbiter; called once per incarnation.
pub(super) type Factory<A> = Arc<dyn Fn() -> A + Send + Sync>;

/// The part of a spec that does not depend on the actor's type and stays with its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) kind: &'static str,
    pub(super) policy: Policy,
    pub(super) capacity: usize,
    pub(super) shutdown: Duration,
    pub(super) backoff_base: Duration,
    pub(super) backoff_max: Duration,
    pub(super) supervises: Option<(Strategy, RestartLimit)>,
}

impl Settings {
    /// The upper edge of the delay before restart number `restarts` + 1 in the window.
    pub(super) fn backoff_ceiling(&self, restarts: u32) -> Duration {
        let factor = 2_u32.saturating_pow(restarts.min(30));
        self.backoff_base.saturating_mul(factor).min(self.backoff_max)
    }
}

/// Describes a child: its name, how to build it, and how it is run and restarted.
#[must_use = "a spec does nothing until a child is started from it"]
pub struct ChildSpec<A: Actor> {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) factory: Factory<A>,
    pub(super) arbiter: Option<ArbiterHandle>,
}

impl<A: Actor> ChildSpec<A> {
    /// A permanent child with a mailbox of 1,024 messages, 5 s to shut down and a restart delay between 0 and
    /// 50 ms that doubles up to 5 s.
    ///
    /// `name` is unique among its siblings and becomes the last part of the path (it may contain `/`);
    /// `kind` groups actors in metrics and in the tree.
    pub fn new(
        name: impl Into<String>,
        kind: &'static str,
        factory: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        let settings = Settings {
            kind,
            policy: Policy::Permanent,
            capacity: 1024,
            shutdown: Duration::from_secs(5),
            backoff_base: Duration::from_millis(50),
            backoff_max: Duration::from_secs(5),
            supervises: None,
        };
        Self { name: name.into(), settings, factory: Arc::new(factory), arbiter: None }
    }

    /// When it is restarted (default: permanent).
    pub fn policy(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// How many messages may wait; one more is refused as overloaded.
    pub fn mailbox(mut self, capacity: usize) -> Self {
        self.settings.capacity = capacity;
        self
    }

    /// How long draining may take, and again how long `stopping` may take, before the task is aborted.
    pub fn shutdown(mut self, limit: Duration) -> Self {
        self.settings.shutdown = limit;
        self
    }

    /// Exponential restart delay with full jitter: between 0 and `base`, doubling with each restart in the
    /// window up to `max`.
    pub fn backoff(mut self, base: Duration, max: Duration) -> Self {
        self.settings.backoff_base = base;
        self.settings.backoff_max = max;
        self
    }

    /// Runs it on that arbiter (default: its parent's).
    pub fn on(mut self, arbiter: ArbiterHandle) -> Self {
        self.arbiter = Some(arbiter);
        self
    }

    /// How it supervises its own children (default: one-for-one with the system's restart limit).
    pub fn supervises(mut self, strategy: Strategy, limit: RestartLimit) -> Self {
        self.settings.supervises = Some((strategy, limit));
        self
    }
}
