//! What a driver does when it is told something by its parent, a child or an operator.

use std::time::Duration;

use tokio::time::sleep;

use super::{Driver, Fate, Stage};
use crate::supervision::actor::Actor;
use crate::supervision::children::ChildRef;
use crate::supervision::control::Command;
use crate::supervision::exit::{ChildExit, Exit, ExitReason};
use crate::supervision::local::Mode;
use crate::supervision::slot::ActorState;
use crate::supervision::spec::Factory;
use crate::supervision::supervisor::Verdict;

impl<A: Actor> Driver<A> {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Start { after } => self.told_to_start(after),
            Command::Stop { reason, detail } => self.told_to_stop(reason, detail),
            Command::End => self.told_to_end(),
            Command::Adopt(factory) => self.told_to_adopt(
                *factory.downcast().expect("the parent checks the actor type before it gives this order"),
            ),
            Command::Kill { detail } => {
                if self.incarnation.is_some() {
                    self.crash(ExitReason::Killed, detail);
                }
            }
            Command::Restart { detail } => match self.stage {
                Stage::Running => self.begin_stop(ExitReason::RestartedByOperator, detail, Fate::Report),
                Stage::BackingOff => self.start(),
                Stage::Draining
                | Stage::Sweeping
                | Stage::Stopping
                | Stage::Clearing
                | Stage::Waiting
                | Stage::Ended => {}
            },
            Command::ChildExited(child, exit) => self.child_exited(&child, exit),
            Command::ChildEnded(child, exit) => self.child_ended(&child, &exit),
        }
    }

    fn told_to_start(&mut self, after: Duration) {
        if self.stage != Stage::Waiting {
            return;
        }
        if after.is_zero() {
            self.start();
        } else {
            self.stage = Stage::BackingOff;
            self.ending().alarm = Some(Box::pin(sleep(after)));
            self.slot.node.set_state(ActorState::BackingOff);
        }
    }

    fn told_to_stop(&mut self, reason: ExitReason, detail: String) {
        match self.stage {
            Stage::Running => self.begin_stop(reason, detail, Fate::Report),
            Stage::BackingOff => self.report(),
            // It is on its way to a report or an end; either is what the parent waits for.
            Stage::Draining | Stage::Sweeping | Stage::Stopping | Stage::Clearing => self.held = true,
            // The parent has the report already.
            Stage::Waiting | Stage::Ended => {}
        }
    }

    fn told_to_end(&mut self) {
        self.ending().adopted = None;
        self.slot.close();
        match self.stage {
            Stage::Running => self.begin_stop(ExitReason::Shutdown, String::new(), Fate::End),
            Stage::Waiting | Stage::BackingOff => {
                self.ending().alarm = None;
                self.fate = Fate::End;
                self.begin_clearing();
            }
            Stage::Draining => {
                self.fate = Fate::End;
                self.ending().exit.reason = ExitReason::Shutdown;
                self.set_mode(Mode::Draining);
            }
            Stage::Sweeping | Stage::Stopping | Stage::Clearing => self.fate = Fate::End,
            Stage::Ended => {}
        }
    }

    fn told_to_adopt(&mut self, factory: Factory<A>) {
        match self.stage {
            Stage::Waiting => {
                self.factory = factory;
                self.start();
            }
            Stage::Draining | Stage::Sweeping | Stage::Stopping | Stage::Clearing
                if self.fate == Fate::End =>
            {
                self.slot.reopen();
                self.ending().adopted = Some(factory);
            }
            Stage::Running
            | Stage::Draining
            | Stage::Sweeping
            | Stage::Stopping
            | Stage::Clearing
            | Stage::BackingOff
            | Stage::Ended => {}
        }
    }

    fn child_exited(&mut self, child: &ChildRef, exit: Exit) {
        child.node().set_down(true);
        if let Some(sweep) = self.ending.as_mut().and_then(|ending| ending.sweep.as_mut()) {
            sweep.settle(child);
            return;
        }
        self.notify(child, &exit, true);
        let verdict = self.supervisor.child_exited(&self.slot.node, child, exit);
        self.act_on(verdict);
    }

    fn child_ended(&mut self, child: &ChildRef, exit: &Exit) {
        let given_up = child.node().status.lock().state == ActorState::GivenUp;
        let keep = given_up || exit.reason.is_crash();
        let evicted = self.slot.node.children.lock().remove(child, keep);
        if let Some(evicted) = evicted {
            evicted.node().set_state(ActorState::Stopped);
        }
        if let Some(sweep) = self.ending.as_mut().and_then(|ending| ending.sweep.as_mut()) {
            sweep.settle(child);
        }
        self.supervisor.child_ended(child);
        self.notify(child, exit, false);
    }

    pub(super) fn act_on(&mut self, verdict: Option<Verdict>) {
        if let Some(Verdict::Escalate(detail)) = verdict {
            self.crash(ExitReason::Escalated, detail);
        }
    }

    /// Tells the actor about a child it watches.
    fn notify(&self, child: &ChildRef, exit: &Exit, restarts: bool) {
        let Some(incarnation) = &self.incarnation else { return };
        let child = child.node();
        let describe = || ChildExit { name: child.name.to_string(), exit: exit.clone(), restarts };
        incarnation.local.child_exited(child.id, describe);
    }
}
