//! The one task of an actor: it polls the incarnation, obeys orders, ends the children before the actor and
//! reports each end to the parent. What to do about a child's end is the [`Supervisor`]'s decision.

mod lifecycle;
mod orders;
mod spawn;
mod stages;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Sleep;

use super::actor::Actor;
use super::exit::{Exit, ExitReason};
use super::incarnation::Incarnation;
use super::slot::Slot;
use super::spec::Factory;
use super::supervisor::Supervisor;
use super::sweep::Sweep;
use super::system::Live;

pub(super) use spawn::spawn;

/// Where an actor is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// An incarnation runs.
    Running,
    /// It finishes what it has begun; on an end for good also what is queued.
    Draining,
    /// It is quiet and waits for its children to end.
    Sweeping,
    /// `stopping` runs.
    Stopping,
    /// There is no incarnation any more; the children end.
    Clearing,
    /// The end was reported; the parent decides.
    Waiting,
    /// The next incarnation is due after a delay.
    BackingOff,
    /// Over.
    Ended,
}

/// What follows when the incarnation is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Report and wait.
    Report,
    /// End for good.
    End,
}

/// One actor's task. Its stages are in `stages`, what moves it from one to another in `lifecycle`, what
/// others may tell it in `orders`.
struct Driver<A: Actor> {
    slot: Arc<Slot<A>>,
    factory: Factory<A>,
    incarnation: Option<Incarnation<A>>,
    stage: Stage,
    fate: Fate,
    /// Absent while the actor runs.
    ending: Option<Box<Ending<A>>>,
    /// The parent waits for a report: started again while ending, the actor must not go on by itself.
    held: bool,
    supervisor: Supervisor,
    /// Children left from the last incarnation are dismissed once `started` is done.
    dismissed: bool,
    _live: Live,
}

/// What there is to know of an end, from when it begins until the next incarnation is built.
struct Ending<A: Actor> {
    /// How the last incarnation ended, or is being ended.
    exit: Exit,
    /// Set when the parent started a child of this name while this one was ending.
    adopted: Option<Factory<A>>,
    /// The limit of an orderly stop, or the end of a restart delay.
    alarm: Option<Pin<Box<Sleep>>>,
    /// The children's end, until the actor's own end is reported.
    sweep: Option<Sweep>,
}

impl<A: Actor> Driver<A> {
    /// A driver whose first incarnation is due at once.
    fn new(slot: Arc<Slot<A>>, factory: Factory<A>, live: Live) -> Self {
        Self {
            slot,
            factory,
            incarnation: None,
            stage: Stage::BackingOff,
            fate: Fate::Report,
            ending: None,
            held: false,
            supervisor: Supervisor::default(),
            dismissed: false,
            _live: live,
        }
    }

    /// The end that is under way; one that has just begun is orderly until something else is told.
    fn ending(&mut self) -> &mut Ending<A> {
        let node = &self.slot.node;
        self.ending.get_or_insert_with(|| {
            let exit = node.exit(ExitReason::Normal, String::new());
            Box::new(Ending { exit, adopted: None, alarm: None, sweep: None })
        })
    }
}

impl<A: Actor> Future for Driver<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if this.slot.node.system().is_crashed() {
                return Poll::Ready(());
            }
            for command in this.slot.node.control.take(cx.waker()) {
                this.obey(command);
            }
            let moved = this.advance(cx);
            if this.stage == Stage::Ended {
                return Poll::Ready(());
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }
}

impl<A: Actor> Drop for Driver<A> {
    /// The last net: the task was dropped under the actor, with its thread or in a simulated crash.
    fn drop(&mut self) {
        if self.stage != Stage::Ended {
            if self.incarnation.is_some() {
                let exit = self.slot.node.exit(ExitReason::Aborted, "its task was dropped".to_owned());
                self.ending().exit = exit;
                self.retire();
            }
            spawn::lose(&self.slot);
        }
    }
}
