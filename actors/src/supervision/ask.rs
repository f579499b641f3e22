//! Request and answer between actors, and every way a message can fail to be answered.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use thiserror::Error;
use tokio::sync::oneshot;

/// Why a message was not accepted. Nothing was done; sending again is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// The mailbox is full.
    #[error("the actor is overloaded")]
    Overloaded,
    /// The actor ended for good, or is draining to end.
    #[error("the actor has stopped")]
    Stopped,
    /// An operator paused its intake.
    #[error("the actor is paused")]
    Paused,
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AskError {
    /// The mailbox is full; nothing was done.
    #[error("the actor is overloaded")]
    Overloaded,
    /// The actor ended for good; nothing was done.
    #[error("the actor has stopped")]
    Stopped,
    /// An operator paused its intake; nothing was done.
    #[error("the actor is paused")]
    Paused,
    /// Accepted, but the actor ended for good before it looked at it; nothing was done.
    #[error("the message was not delivered")]
    NotDelivered,
    /// Delivered, then the actor died or dropped the reply: it may or may not have acted. Never resent.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
}

impl From<SendError> for AskError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Overloaded => Self::Overloaded,
            SendError::Stopped => Self::Stopped,
            SendError::Paused => Self::Paused,
        }
    }
}

/// A refused message, given back so that a router can send it elsewhere or answer it.
#[derive(Debug)]
pub struct Refused<M> {
    /// Why it was refused.
    pub error: SendError,
    /// The message, untouched.
    pub message: M,
}

/// Set when the mailbox hands the message to the actor, so that a lost reply can be told from a lost message.
pub(super) type Delivered = Arc<AtomicBool>;

/// Answers one question; travels inside a message. Dropping it unanswered tells the caller so.
#[derive(Debug)]
pub struct Reply<R> {
    sender: oneshot::Sender<R>,
}

impl<R> Reply<R> {
    /// Answers. A caller that no longer waits is not an error.
    pub fn send(self, answer: R) {
        let _ = self.sender.send(answer);
    }

    /// Whether the caller has stopped waiting.
    pub fn is_abandoned(&self) -> bool {
        self.sender.is_closed()
    }
}

/// The answer to come; the message was already sent when this was made.
#[must_use = "the answer, or the reason there is none, arrives when this is awaited"]
#[derive(Debug)]
pub struct Ask<R> {
    state: AskState<R>,
}

#[derive(Debug)]
enum AskState<R> {
    Refused(SendError),
    Waiting { receiver: oneshot::Receiver<R>, delivered: Delivered },
}

impl<R> Ask<R> {
    pub(super) fn channel() -> (Reply<R>, Delivered, Self) {
        let (sender, receiver) = oneshot::channel();
        let delivered = Delivered::default();
        let state = AskState::Waiting { receiver, delivered: Arc::clone(&delivered) };
        (Reply { sender }, delivered, Self { state })
    }

    pub(super) fn refused(error: SendError) -> Self {
        Self { state: AskState::Refused(error) }
    }
}

impl<R> Future for Ask<R> {
    type Output = Result<R, AskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            AskState::Refused(error) => Poll::Ready(Err((*error).into())),
            AskState::Waiting { receiver, delivered } => Pin::new(receiver).poll(cx).map(|answer| {
                answer.map_err(|_closed| {
                    if delivered.load(Ordering::Acquire) {
                        AskError::OutcomeUnknown
                    } else {
                        AskError::NotDelivered
                    }
                })
            }),
        }
    }
}
