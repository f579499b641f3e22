//! How an actor's task begins, and how its end becomes known, also when the task was lost.

use std::sync::Arc;

use actix_rt::ArbiterHandle;

use super::Driver;
use crate::supervision::actor::Actor;
use crate::supervision::children::ChildRef;
use crate::supervision::control::Command;
use crate::supervision::exit::{Exit, ExitReason};
use crate::supervision::slot::{ActorState, Slot};
use crate::supervision::spec::Factory;
use crate::supervision::system::Live;

/// Spawns the task of an actor on its arbiter, the current thread's when none is named.
pub(in crate::supervision) fn spawn<A: Actor>(
    slot: Arc<Slot<A>>,
    factory: Factory<A>,
    arbiter: Option<ArbiterHandle>,
) {
    let live = Live::new(slot.node.system());
    let unstarted = Unstarted { parts: Some((slot, factory, live)) };
    let begin = move || unstarted.begin();
    match arbiter {
        None => begin(),
        Some(arbiter) => {
            arbiter.spawn_fn(begin);
        }
    }
}

/// A driver on its way to another thread; when that thread is gone the actor ends instead of hanging.
struct Unstarted<A: Actor> {
    parts: Option<(Arc<Slot<A>>, Factory<A>, Live)>,
}

impl<A: Actor> Unstarted<A> {
    fn begin(mut self) {
        if let Some((slot, factory, live)) = self.parts.take() {
            actix_rt::spawn(Driver::new(slot, factory, live));
        }
    }
}

impl<A: Actor> Drop for Unstarted<A> {
    fn drop(&mut self) {
        if let Some((slot, _, _)) = &self.parts {
            lose(slot);
        }
    }
}

/// Ends an actor that has no task.
pub(super) fn lose<A: Actor>(slot: &Arc<Slot<A>>) {
    slot.node.control.abandon();
    let detail = "its arbiter is gone".to_owned();
    announce_end(slot, slot.node.exit(ExitReason::Aborted, detail));
}

/// Closes the slot and tells the parent, or at the root the system.
pub(super) fn announce_end<A: Actor>(slot: &Arc<Slot<A>>, exit: Exit) {
    let node = &slot.node;
    let undelivered = slot.discard();
    if undelivered > 0 {
        tracing::warn!(path = %node.path(), undelivered, "actor ended with messages in its mailbox");
    }
    let given_up = node.status.lock().state == ActorState::GivenUp;
    if !given_up {
        node.set_state(ActorState::Stopped);
    }
    match node.parent() {
        Some(parent) => {
            parent.node().control.push(Command::ChildEnded(Arc::clone(slot) as ChildRef, exit));
        }
        None => node.system().root_ended(&node.path(), &exit),
    }
}
