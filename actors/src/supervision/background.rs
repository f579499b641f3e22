//! The background futures of one incarnation: polled beside its handler, dropped with it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{FuturesUnordered, Stream};

/// A background future; `None` means it has no message for the actor.
pub(super) type Task<M> = Pin<Box<dyn Future<Output = Option<M>>>>;

/// The futures an incarnation runs besides its handler. Empty for most actors, so it allocates nothing
/// until the first one.
pub(super) struct Background<M> {
    tasks: Option<Box<FuturesUnordered<Task<M>>>>,
    polling: bool,
}

impl<M> Background<M> {
    pub(super) fn new() -> Self {
        Self { tasks: None, polling: false }
    }

    pub(super) fn push(&mut self, task: Task<M>) {
        self.tasks.get_or_insert_with(Box::default).push(task);
    }

    /// Polls those that were woken; the next finished one, if any. Runs actor code, so it may panic.
    pub(super) fn poll_finished(&mut self, cx: &mut Context<'_>) -> Option<Option<M>> {
        let tasks = self.tasks.as_mut()?;
        self.polling = true;
        let polled = Pin::new(&mut **tasks).poll_next(cx);
        self.polling = false;
        match polled {
            Poll::Ready(Some(output)) => Some(output),
            Poll::Ready(None) => {
                self.tasks = None;
                None
            }
            Poll::Pending => None,
        }
    }

    /// True after a panic that came from one of these futures.
    pub(super) fn is_polling(&self) -> bool {
        self.polling
    }
}
