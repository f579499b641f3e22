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

/// The timers of an actor that has any: most have none while they rest.
pub(super) struct Timers<M> {
    serial: u64,
    pending: Option<Box<Pending<M>>>,
}

/// Pending timers with one sleep for the earliest.
struct Pending<M> {
    /// The earliest last; of two for one moment the one set first. Few in any actor, and never none.
    timers: Vec<(TimerId, M)>,
    alarm: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<M> Timers<M> {
    pub(super) fn new() -> Self {
        Self { serial: 0, pending: None }
    }

    pub(super) fn set(&mut self, after: Duration, message: M) -> TimerId {
        self.serial += 1;
        let id = TimerId { due: Instant::now() + after, serial: self.serial };
        let none = || Box::new(Pending { timers: Vec::with_capacity(1), alarm: None });
        let timers = &mut self.pending.get_or_insert_with(none).timers;
        let place = timers.partition_point(|(other, _)| *other > id);
        timers.insert(place, (id, message));
        id
    }

    pub(super) fn cancel(&mut self, id: TimerId) -> bool {
        let Some(pending) = &mut self.pending else { return false };
        let place = pending.timers.iter().position(|(other, _)| *other == id);
        let cancelled = place.map(|place| pending.timers.remove(place)).is_some();
        self.forget_if_none();
        cancelled
    }

    pub(super) fn clear(&mut self) {
        self.pending = None;
    }

    /// The alarm goes with the last timer: it may have gone off for that one just now, and would be taken for one
    /// that still wakes somebody.
    fn forget_if_none(&mut self) {
        if self.pending.as_ref().is_some_and(|pending| pending.timers.is_empty()) {
            self.pending = None;
        }
    }

    /// Whether the earliest timer has no alarm yet that would wake the actor in time.
    pub(super) fn needs_alarm(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.needs_alarm())
    }

    /// Takes the next message that is due, or arms the alarm for it.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>) -> Option<M> {
        let message = self.pending.as_mut()?.poll_due(cx);
        self.forget_if_none();
        message
    }
}

impl<M> Pending<M> {
    fn needs_alarm(&self) -> bool {
        match (self.timers.last(), &self.alarm) {
            (Some((first, _)), Some((at, _))) => *at > first.due,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Option<M> {
        let &(first, _) = self.timers.last()?;
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
                            return self.timers.pop().map(|(_, message)| message);
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
