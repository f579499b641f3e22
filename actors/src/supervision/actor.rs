//! What an actor is to this layer: its message enum, its hooks and the error that ends it.

use std::fmt::Display;
use std::future::{Future, ready};

use super::ctx::Ctx;

/// The messages of one actor kind, as one enum.
pub trait Message: Send + 'static {
    /// A short name of the variant, shown as the actor's current work in the tree.
    fn label(&self) -> &'static str;
}

/// What an actor wants after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Take the next message.
    Continue,
    /// End with exit reason *normal*: `stopping` runs, background futures are dropped, and what is still
    /// queued comes back to its senders as not delivered (unless the policy is permanent, which restarts).
    Stop,
}

/// An error that ends an actor; the supervisor restarts it as its policy says.
///
/// Any standard error converts with `?`, its sources joined into the detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    detail: String,
}

impl Failure {
    /// A failure with a detail that operators read in the tree.
    pub fn new(detail: impl Display) -> Self {
        Self { detail: detail.to_string() }
    }

    /// What went wrong.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut detail = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            detail = format!("{detail}: {cause}");
            source = cause.source();
        }
        Self { detail }
    }
}

/// One actor: state that handles one message at a time on one arbiter thread.
///
/// Its futures need not be `Send`. A panic in any of them, or an error from any hook, ends this incarnation
/// and nothing else; the next one comes from the factory with no memory of it.
pub trait Actor: Sized + 'static {
    /// The actor's messages.
    type Message: Message;
    /// A cheap, redacted snapshot of its state, taken after each message and shown in the tree.
    type Observed: serde::Serialize + Clone + Send + 'static;

    /// Runs before the first message of an incarnation; static children are started here.
    fn started(&mut self, ctx: &mut Ctx<Self>) -> impl Future<Output = Result<(), Failure>> {
        let _ = ctx;
        ready(Ok(()))
    }

    /// Handles one message. Messages wait until it is done; background futures and timers do not.
    fn handle(
        &mut self,
        message: Self::Message,
        ctx: &mut Ctx<Self>,
    ) -> impl Future<Output = Result<Next, Failure>>;

    /// Runs at the end of an orderly stop only, after the children ended, bounded by the shutdown time.
    fn stopping(&mut self, ctx: &mut Ctx<Self>) -> impl Future<Output = Result<(), Failure>> {
        let _ = ctx;
        ready(Ok(()))
    }

    /// The state to show.
    fn observe(&self) -> Self::Observed;
}
