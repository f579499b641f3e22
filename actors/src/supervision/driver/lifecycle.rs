//! The steps of an actor's life: start, orderly stop, crash, and what is owed to the parent afterwards.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::sleep;

use super::spawn::announce_end;
use super::{Driver, Fate, Stage};
use crate::supervision::actor::Actor;
use crate::supervision::children::ChildRef;
use crate::supervision::control::Command;
use crate::supervision::exit::ExitReason;
use crate::supervision::incarnation::Incarnation;
use crate::supervision::local::Mode;
use crate::supervision::slot::ActorState;
use crate::supervision::supervisor::is_final;
use crate::supervision::sweep::{Order, Sweep};

impl<A: Actor> Driver<A> {
    /// Builds the next incarnation.
    pub(super) fn start(&mut self) {
        self.ending = None;
        self.fate = Fate::Report;
        self.held = false;
        self.dismissed = false;
        self.slot.node.begin_incarnation();
        let leftovers = self.slot.node.children.lock().in_start_order();
        for child in &leftovers {
            child.node().dormant.store(true, Ordering::Relaxed);
            child.node().forget_restarts();
        }
        match Incarnation::build(&self.slot, &self.factory) {
            Ok(incarnation) => {
                self.incarnation = Some(incarnation);
                self.stage = Stage::Running;
            }
            Err(detail) => self.crash(ExitReason::Panic, detail),
        }
    }

    pub(super) fn begin_stop(&mut self, reason: ExitReason, detail: String, fate: Fate) {
        self.ending().exit = self.slot.node.exit(reason, detail);
        self.fate = fate;
        let mode = if reason == ExitReason::Shutdown { Mode::Draining } else { Mode::Holding };
        self.set_mode(mode);
        match fate {
            Fate::End => self.slot.close(),
            Fate::Report => self.slot.node.set_state(ActorState::Restarting),
        }
        self.stage = Stage::Draining;
        self.set_deadline();
    }

    /// The incarnation failed, or has to go at once.
    pub(super) fn crash(&mut self, reason: ExitReason, detail: String) {
        let told_to_end = self.fate == Fate::End && self.ending().exit.reason == ExitReason::Shutdown;
        let exit = self.slot.node.exit(reason, detail);
        tracing::warn!(path = %self.slot.node.path(), %exit, "actor crashed");
        self.ending().exit = exit;
        if told_to_end || self.ends_with(reason) {
            self.fate = Fate::End;
        } else {
            self.restart_instead_of_ending();
        }
        self.retire();
        self.begin_clearing();
    }

    /// Whether the actor ends for good without asking anybody.
    pub(super) fn ends_with(&self, reason: ExitReason) -> bool {
        self.slot.node.is_root() || is_final(self.slot.node.settings().policy, reason)
    }

    /// The actor had asked to end and failed while ending: it is restarted, so it takes messages again.
    fn restart_instead_of_ending(&mut self) {
        if self.fate == Fate::End {
            self.fate = Fate::Report;
            self.slot.reopen();
        }
        if let Some(factory) = self.ending().adopted.take() {
            self.factory = factory;
        }
    }

    /// Drops the incarnation and records how it ended.
    pub(super) fn retire(&mut self) {
        let ending = self.ending();
        ending.alarm = None;
        let exit = ending.exit.clone();
        self.slot.node.record_exit(exit);
        if let Some(panic) = self.incarnation.take().and_then(Incarnation::retire) {
            tracing::error!(path = %self.slot.node.path(), panic, "actor panicked while it was dropped");
        }
        if self.fate == Fate::Report {
            self.slot.node.set_state(ActorState::Restarting);
        }
    }

    /// An orderly stop took too long.
    pub(super) fn abort(&mut self) {
        let limit = self.slot.node.settings().shutdown;
        let aborted = format!("aborted after {limit:?}");
        let detail = &mut self.ending().exit.detail;
        *detail = if detail.is_empty() { aborted } else { format!("{detail}; {aborted}") };
        tracing::warn!(path = %self.slot.node.path(), ?limit, "actor aborted: it did not stop in time");
        self.retire();
        self.begin_clearing();
    }

    /// What the incarnation may take from now on.
    pub(super) fn set_mode(&self, mode: Mode) {
        if let Some(incarnation) = &self.incarnation {
            incarnation.set_mode(mode);
        }
    }

    pub(super) fn set_deadline(&mut self) {
        let limit = self.slot.node.settings().shutdown;
        self.ending().alarm = Some(Box::pin(sleep(limit)));
    }

    /// Ends the children, unless that has begun already; the incarnation is gone.
    pub(super) fn begin_clearing(&mut self) {
        self.stage = Stage::Clearing;
        if self.ending().sweep.is_none() {
            self.begin_sweep();
        }
    }

    pub(super) fn begin_sweep(&mut self) {
        self.supervisor.reset();
        let node = &self.slot.node;
        let order = match self.fate {
            Fate::End => Order::End,
            Fate::Report => {
                Order::Rest { reason: ExitReason::SupervisorEnded, detail: format!("{} ended", node.path()) }
            }
        };
        let children = node.children.lock().in_start_order();
        self.ending().sweep = Some(Sweep::new(children, order));
    }

    /// Tells the parent that the incarnation has ended and waits for its decision.
    pub(super) fn report(&mut self) {
        let ending = self.ending();
        ending.alarm = None;
        let exit = ending.exit.clone();
        self.held = false;
        self.fate = Fate::Report;
        self.stage = Stage::Waiting;
        self.slot.node.set_state(ActorState::Restarting);
        let me = Arc::clone(&self.slot) as ChildRef;
        if let Some(parent) = self.slot.node.parent() {
            parent.node().control.push(Command::ChildExited(me, exit));
        }
    }

    /// Ends for good, or starts again when the parent asked for it meanwhile. False when there is an order
    /// to look at first.
    pub(super) fn conclude(&mut self) -> bool {
        if let Some(factory) = self.ending().adopted.take() {
            self.factory = factory;
            if self.held {
                self.report();
            } else {
                self.start();
            }
            return true;
        }
        if !self.slot.node.children.lock().is_empty() {
            self.stage = Stage::Clearing;
            self.begin_sweep();
            return true;
        }
        if !self.slot.node.control.finish() {
            return false;
        }
        self.stage = Stage::Ended;
        let exit = self.ending().exit.clone();
        announce_end(&self.slot, exit);
        true
    }
}
