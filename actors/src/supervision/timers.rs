//! The timers of one incarnation: messages to itself at a later time, dropped with it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Names a pending timer of the actor that set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerId {
    due: Instant,
    serial: u64,
}

/// Pending timers with one sleep for the earliest.
pub(super) struct Timers<M> {
    /// The earliest last; of two for one moment the one set first. Few in any actor, and one in most: a list, because
    /// a tree has room for eleven, and a million idle actors have a timer each.
    pending: Vec<(TimerId, M)>,
    serial: u64,
    alarm: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<M> Timers<M> {
    pub(super) fn new() -> Self {
        Self { pending: Vec::new(), serial: 0, alarm: None }
    }

    pub(super) fn set(&mut self, after: Duration, message: M) -> TimerId {
        self.serial += 1;
        let id = TimerId { due: Instant::now() + after, serial: self.serial };
        if self.pending.capacity() == 0 {
            self.pending.reserve_exact(1);
        }
        let place = self.pending.partition_point(|(other, _)| *other > id);
        self.pending.insert(place, (id, message));
        id
    }

    pub(super) fn cancel(&mut self, id: TimerId) -> bool {
        let place = self.pending.iter().position(|(other, _)| *other == id);
        place.map(|place| self.pending.remove(place)).is_some()
    }

    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.alarm = None;
    }

    /// Whether the earliest timer has no alarm yet that would wake the actor in time.
    pub(super) fn needs_alarm(&self) -> bool {
        match (self.pending.last(), &self.alarm) {
            (Some((first, _)), Some((at, _))) => *at > first.due,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Takes the next message that is due, or arms the alarm for it.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Option<M> {
        let Some(&(first, _)) = self.pending.last() else {
            // It may have gone off just now for a timer that was cancelled, and would be taken for one that still
            // wakes somebody.
            self.alarm = None;
            return None;
        };
        loop {
            match &mut self.alarm {
                // A later alarm would miss the first timer; an earlier one only wakes once for nothing,
                // which is cheaper than moving it for every timer that was cancelled.
                Some((at, sleep)) if *at <= first.due => match sleep.as_mut().poll(cx) {
                    Poll::Pending => return None,
                    Poll::Ready(()) => {
                        let due = *at >= first.due || Instant::now() >= first.due;
                        self.alarm = None;
                        if due {
                            return self.pending.pop().map(|(_, message)| message);
                        }
                    }
                },
                Some((at, sleep)) => {
                    *at = first.due;
                    sleep.as_mut().reset(first.due);
                }
                None => self.alarm = Some((first.due, Box::pin(sleep_until(first.due)))),
            }
        }
    }
}
