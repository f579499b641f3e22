//! What a driver does in each stage of the actor's life. Each step answers whether the stage moved on.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::task::Context;

use super::{Driver, Fate, Stage};
use crate::supervision::actor::Actor;
use crate::supervision::control::Command;
use crate::supervision::exit::ExitReason;
use crate::supervision::local::{Mode, Outcome};
use crate::supervision::slot::ActorState;

impl<A: Actor> Driver<A> {
    /// Runs the current stage; true when it moved on.
    pub(super) fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        match self.stage {
            Stage::Running => self.run(cx),
            Stage::Draining | Stage::Sweeping | Stage::Stopping => self.run_to_stop(cx),
            Stage::Clearing => self.clear(),
            Stage::BackingOff => self.back_off(cx),
            Stage::Waiting | Stage::Ended => false,
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        match self.incarnation.as_mut().and_then(|incarnation| incarnation.poll(cx)) {
            Some(Outcome::Crashed(reason, detail)) => self.crash(reason, detail),
            Some(Outcome::StopRequested | Outcome::Stopped) => {
                let fate = if self.ends_with(ExitReason::Normal) { Fate::End } else { Fate::Report };
                self.begin_stop(ExitReason::Normal, String::new(), fate);
            }
            None => {
                self.dismiss_leftovers();
                return self.supervise(cx);
            }
        }
        true
    }

    /// Goes on with restarts of several children; true when that made this actor escalate.
    fn supervise(&mut self, cx: &mut Context<'_>) -> bool {
        let verdict = self.supervisor.poll(&self.slot.node, cx);
        let escalates = verdict.is_some();
        self.act_on(verdict);
        escalates
    }

    /// Ends children of the last incarnation that this one did not start again in `started`.
    fn dismiss_leftovers(&mut self) {
        if self.dismissed || self.slot.node.status.lock().state == ActorState::Starting {
            return;
        }
        self.dismissed = true;
        let children = self.slot.node.children.lock().in_start_order();
        for child in &children {
            if child.node().dormant.load(Ordering::Relaxed) {
                child.node().control.push(Command::End);
            }
        }
    }

    /// An orderly stop: finish, end the children, run `stopping`, the first and the last with a time limit.
    fn run_to_stop(&mut self, cx: &mut Context<'_>) -> bool {
        match self.incarnation.as_mut().and_then(|incarnation| incarnation.poll(cx)) {
            Some(Outcome::Crashed(reason, detail)) => {
                self.crash(reason, detail);
                return true;
            }
            Some(Outcome::Stopped) => {
                self.retire();
                self.begin_clearing();
                return true;
            }
            Some(Outcome::StopRequested) | None => {}
        }
        if self.ending().alarm.as_mut().is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready()) {
            self.abort();
            return true;
        }
        match self.stage {
            Stage::Draining => self.supervise(cx) || self.sweep_when_quiet(),
            Stage::Sweeping => self.stop_when_swept(),
            Stage::Running
            | Stage::Stopping
            | Stage::Clearing
            | Stage::Waiting
            | Stage::BackingOff
            | Stage::Ended => false,
        }
    }

    fn sweep_when_quiet(&mut self) -> bool {
        let queued = self.slot.queued();
        if !self.incarnation.as_ref().is_some_and(|incarnation| incarnation.is_quiet(queued)) {
            return false;
        }
        self.ending().alarm = None;
        self.stage = Stage::Sweeping;
        self.set_mode(Mode::Holding);
        self.begin_sweep();
        true
    }

    fn stop_when_swept(&mut self) -> bool {
        if !self.ending().sweep.as_mut().is_none_or(|sweep| sweep.advance()) {
            return false;
        }
        self.stage = Stage::Stopping;
        self.set_mode(Mode::Stopping);
        self.set_deadline();
        true
    }

    fn clear(&mut self) -> bool {
        if !self.ending().sweep.as_mut().is_none_or(|sweep| sweep.advance()) {
            return false;
        }
        self.ending().sweep = None;
        match self.fate {
            Fate::End => self.conclude(),
            Fate::Report => {
                // Only `stopping` can have started a child after the others had ended.
                if self.slot.node.children.lock().any_up() {
                    self.begin_sweep();
                } else {
                    self.report();
                }
                true
            }
        }
    }

    fn back_off(&mut self, cx: &mut Context<'_>) -> bool {
        let alarm = self.ending.as_mut().and_then(|ending| ending.alarm.as_mut());
        let due = alarm.is_none_or(|alarm| alarm.as_mut().poll(cx).is_ready());
        if due {
            self.start();
        }
        due
    }
}
