//! How others reach an actor: a pointer to its slot, valid across restarts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::actor::Actor;
use super::ask::{Ask, Refused, Reply, SendError};
use super::slot::Slot;

/// Sends messages to one actor from any thread. It survives restarts; when the actor ended for good, sends
/// are refused as stopped.
pub struct Handle<A: Actor> {
    slot: Arc<Slot<A>>,
}

impl<A: Actor> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

impl<A: Actor> fmt::Debug for Handle<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.path()).finish()
    }
}

impl<A: Actor> Handle<A> {
    pub(super) fn new(slot: Arc<Slot<A>>) -> Self {
        Self { slot }
    }

    /// Sends without waiting. Messages of one sender are handled in the order they were sent.
    ///
    /// # Errors
    /// Says why the message was not accepted; nothing was done then.
    pub fn tell(&self, message: A::Message) -> Result<(), SendError> {
        self.offer(message).map_err(|refused| refused.error)
    }

    /// Like [`tell`](Self::tell), but a refused message comes back.
    ///
    /// # Errors
    /// The message and why it was not accepted.
    pub fn offer(&self, message: A::Message) -> Result<(), Refused<A::Message>> {
        self.slot.offer(message, None)
    }

    /// Sends a question now; the future resolves with the answer. There is no time limit: wrap it in one
    /// where the caller has one.
    pub fn ask<R>(&self, question: impl FnOnce(Reply<R>) -> A::Message) -> Ask<R> {
        let (reply, delivered, answer) = Ask::channel();
        match self.slot.offer(question(reply), Some(delivered)) {
            Ok(()) => answer,
            Err(refused) => Ask::refused(refused.error),
        }
    }

    /// How many messages wait.
    pub fn queued(&self) -> usize {
        self.slot.queued()
    }

    /// Whether the actor takes no more messages: it ended for good, or drains to end.
    pub fn has_ended(&self) -> bool {
        self.slot.is_closed()
    }

    /// How long the actor has had nothing to do; nothing while it has.
    pub fn idle_for(&self) -> Option<Duration> {
        let since = self.slot.node.rests_since()?;
        (self.slot.queued() == 0).then(|| since.elapsed())
    }

    /// Where the actor is in the tree, `root/…`.
    pub fn path(&self) -> String {
        self.slot.node.path()
    }
}
