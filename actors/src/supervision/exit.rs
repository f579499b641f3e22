//! How an incarnation ended, for the tree and for the supervisor that decides what follows.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Why an incarnation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitReason {
    /// The actor asked to stop.
    Normal,
    /// It was stopped for good: the program shuts down or its supervisor no longer needs it.
    Shutdown,
    /// A panic in a hook, a handler, a background future or the factory.
    Panic,
    /// A hook or handler returned a failure.
    Error,
    /// An operator's drill crashed it.
    Killed,
    /// An operator asked for a new incarnation.
    RestartedByOperator,
    /// A sibling ended and the supervisor's strategy restarts this one too.
    RestartedByStrategy,
    /// Its supervisor ended.
    SupervisorEnded,
    /// A child was restarted too often; the supervisor gave it up and ended itself.
    Escalated,
    /// Its arbiter thread or the whole system went away under it.
    Aborted,
}

impl ExitReason {
    /// Whether the incarnation failed, as opposed to having been told or having asked to end.
    pub fn is_crash(self) -> bool {
        match self {
            Self::Panic | Self::Error | Self::Killed | Self::Escalated => true,
            Self::Normal
            | Self::Shutdown
            | Self::RestartedByOperator
            | Self::RestartedByStrategy
            | Self::SupervisorEnded
            | Self::Aborted => false,
        }
    }

    /// The name used in the tree and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Shutdown => "shutdown",
            Self::Panic => "panic",
            Self::Error => "error",
            Self::Killed => "killed",
            Self::RestartedByOperator => "restarted-by-operator",
            Self::RestartedByStrategy => "restarted-by-strategy",
            Self::SupervisorEnded => "supervisor-ended",
            Self::Escalated => "escalated",
            Self::Aborted => "aborted",
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One recorded end of an incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// Why it ended.
    pub reason: ExitReason,
    /// What happened, in words: the panic's message, the failure's detail, the operator's reason.
    pub detail: String,
    /// When, by the wall clock.
    pub at: DateTime<Utc>,
    /// Which incarnation it was, counted from 1.
    pub generation: u64,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            write!(f, "{}", self.reason)
        } else {
            write!(f, "{}: {}", self.reason, self.detail)
        }
    }
}

/// What a parent learns about a child it watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildExit {
    /// The child's name, as in its spec.
    pub name: String,
    /// How its incarnation ended.
    pub exit: Exit,
    /// True when the supervisor starts it again, false when it ended for good.
    pub restarts: bool,
}
