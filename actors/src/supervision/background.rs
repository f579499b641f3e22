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
    running: Option<Box<Running<M>>>,
}

struct Running<M> {
    tasks: FuturesUnordered<Task<M>>,
    polling: bool,
}

impl<M> Background<M> {
    pub(super) fn new() -> Self {
        Self { running: None }
    }

    pub(super) fn push(&mut self, task: Task<M>) {
        let none = || Box::new(Running { tasks: FuturesUnordered::new(), polling: false });
        self.running.get_or_insert_with(none).tasks.push(task);
    }

    /// Polls those that were woken; the next finished one, if any. Runs actor code, so it may panic.
    pub(super) fn poll_finished(&mut self, cx: &mut Context<'_>) -> Option<Option<M>> {
        let running = self.running.as_mut()?;
        running.polling = true;
        let polled = Pin::new(&mut running.tasks).poll_next(cx);
        running.polling = false;
        match polled {
            Poll::Ready(Some(output)) => Some(output),
            Poll::Ready(None) => {
                self.running = None;
                None
            }
            Poll::Pending => None,
        }
    }

    /// True after a panic that came from one of these futures.
    pub(super) fn is_polling(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.polling)
    }
}
