//! Orders to an actor's driver, from its parent, its children and operators. They never wait behind
//! messages, so a hung or flooded actor can still be ended.

use std::any::Any;
use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

use super::children::ChildRef;
use super::exit::{Exit, ExitReason};

/// One order or report.
pub(super) enum Command {
    /// From the parent, after a report: start the next incarnation, now or after a delay.
    Start { after: Duration },
    /// From the parent: stop in order, report, and wait for what follows.
    Stop { reason: ExitReason, detail: String },
    /// From the parent: drain and end for good.
    End,
    /// From the parent, which starts a child of this name again: the `Factory` to build it from.
    Adopt(Box<dyn Any + Send>),
    /// A drill: crash.
    Kill { detail: String },
    /// A drill: stop in order and start again.
    Restart { detail: String },
    /// From a child: its incarnation ended and it waits for a decision. Sent once per start.
    ChildExited(ChildRef, Exit),
    /// From a child: it ended for good.
    ChildEnded(ChildRef, Exit),
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    waker: Option<Waker>,
    finished: bool,
}

#[derive(Default)]
pub(super) struct Control {
    state: Mutex<State>,
}

impl Control {
    /// Gives an order; false when the driver has finished and will never see it.
    pub(super) fn push(&self, command: Command) -> bool {
        let mut state = self.state.lock();
        if state.finished {
            return false;
        }
        state.commands.push_back(command);
        let waker = state.waker.clone();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Takes all orders and remembers whom to wake for the next.
    pub(super) fn take(&self, waker: &Waker) -> VecDeque<Command> {
        let mut state = self.state.lock();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        std::mem::take(&mut state.commands)
    }

    /// Refuses orders from now on, unless one is waiting that has to be looked at first.
    pub(super) fn finish(&self) -> bool {
        let mut state = self.state.lock();
        if state.commands.is_empty() {
            state.finished = true;
            state.waker = None;
        }
        state.finished
    }

    /// Refuses orders from now on, whatever is waiting.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock();
        state.finished = true;
        state.waker = None;
        let dropped = std::mem::take(&mut state.commands);
        drop(state);
        drop(dropped);
    }

    /// Whether the driver has finished.
    pub(super) fn is_finished(&self) -> bool {
        self.state.lock().finished
    }

    /// Polls the driver without an order.
    pub(super) fn wake(&self) {
        let waker = self.state.lock().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
