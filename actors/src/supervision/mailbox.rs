//! The bounded queue of one actor. It outlives incarnations, so a message sent while the actor restarts
//! waits for the next one; it never holds a message whose handling has begun.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::ask::{Delivered, Refused, SendError};

struct Envelope<M> {
    message: M,
    at: Instant,
    delivered: Option<Delivered>,
}

struct State<M> {
    queue: VecDeque<Envelope<M>>,
    /// Present only while the incarnation is parked, so that senders wake nobody who is busy.
    waker: Option<Waker>,
    closed: bool,
    paused: bool,
}

/// What the tree shows of a mailbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct MailboxReading {
    pub(super) length: usize,
    pub(super) oldest: Option<Duration>,
    pub(super) paused: bool,
}

pub(super) struct Mailbox<M> {
    state: Mutex<State<M>>,
}

impl<M> Mailbox<M> {
    pub(super) fn new() -> Self {
        let state = State { queue: VecDeque::new(), waker: None, closed: false, paused: false };
        Self { state: Mutex::new(state) }
    }

    /// Accepts a message or gives it back. `queued` is the count of the actor's kind.
    pub(super) fn offer(
        &self,
        message: M,
        delivered: Option<Delivered>,
        capacity: usize,
        queued: &AtomicU64,
    ) -> Result<(), Refused<M>> {
        let at = Instant::now();
        let mut state = self.state.lock();
        let error = if state.closed {
            SendError::Stopped
        } else if state.paused {
            SendError::Paused
        } else if state.queue.len() >= capacity {
            SendError::Overloaded
        } else {
            if state.queue.capacity() == 0 {
                state.queue.reserve_exact(1);
            }
            state.queue.push_back(Envelope { message, at, delivered });
            queued.fetch_add(1, Ordering::Relaxed);
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            return Ok(());
        };
        drop(state);
        Err(Refused { error, message })
    }

    /// Takes the next message and marks it delivered, or parks the incarnation.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>, queued: &AtomicU64) -> Poll<M> {
        let mut state = self.state.lock();
        let Some(envelope) = state.queue.pop_front() else {
            // A million idle actors must not keep room for their last messages.
            state.queue = VecDeque::new();
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(state);
        queued.fetch_sub(1, Ordering::Relaxed);
        if let Some(delivered) = envelope.delivered {
            delivered.store(true, Ordering::Release);
        }
        Poll::Ready(envelope.message)
    }

    /// Refuses new messages as stopped; those already queued stay.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Whether new messages are refused as stopped.
    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Takes messages again, for a child that is started anew while it was ending.
    pub(super) fn reopen(&self) {
        self.state.lock().closed = false;
    }

    /// Closes for good and returns how many messages were dropped undelivered.
    pub(super) fn discard(&self, queued: &AtomicU64) -> usize {
        let mut state = self.state.lock();
        state.closed = true;
        state.waker = None;
        let dropped = std::mem::take(&mut state.queue);
        // The messages' own drop code runs after the lock is released: a reply may wake anybody.
        drop(state);
        queued.fetch_sub(dropped.len() as u64, Ordering::Relaxed);
        dropped.len()
    }

    pub(super) fn set_paused(&self, paused: bool) {
        self.state.lock().paused = paused;
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().queue.len()
    }

    pub(super) fn read(&self) -> MailboxReading {
        let state = self.state.lock();
        MailboxReading {
            length: state.queue.len(),
            oldest: state.queue.front().map(|envelope| envelope.at.elapsed()),
            paused: state.paused,
        }
    }
}
