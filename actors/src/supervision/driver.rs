//! The one task of an actor: it polls the incarnation, obeys orders, ends the children before the actor and
//! reports each end to the parent. What to do about a child's end is the [`Supervisor`]'s decision.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use tokio::time::{Sleep, sleep};

use super::actor::Actor;
use super::children::ChildRef;
use super::control::Command;
use super::exit::{ChildExit, Exit, ExitReason};
use super::incarnation::Incarnation;
use super::local::{Mode, Outcome};
use super::slot::{ActorState, Slot};
use super::spec::Factory;
use super::supervisor::{Supervisor, Verdict, is_final};
use super::sweep::{Order, Sweep};
use super::system::Live;

/// Spawns the task of an actor on its arbiter, the current thread's when none is named.
pub(super) fn spawn<A: Actor>(slot: Arc<Slot<A>>, factory: Factory<A>, arbiter: Option<ArbiterHandle>) {
    let live = Live::new(&slot.node.system);
    let guard = Unstarted { slot: Some(slot), live: Some(live) };
    let begin = move || {
        if let Some(driver) = Driver::from_guard(guard, factory) {
            actix_rt::spawn(driver);
        }
    };
    match arbiter {
        None => begin(),
        Some(arbiter) => {
            arbiter.spawn_fn(begin);
        }
    }
}

/// A driver on its way to another thread; when that thread is gone the actor ends instead of hanging.
struct Unstarted<A: Actor> {
    slot: Option<Arc<Slot<A>>>,
    live: Option<Live>,
}

impl<A: Actor> Drop for Unstarted<A> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            lose(&slot);
        }
    }
}

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

struct Driver<A: Actor> {
    slot: Arc<Slot<A>>,
    factory: Factory<A>,
    incarnation: Option<Incarnation<A>>,
    stage: Stage,
    fate: Fate,
    /// How the current or last incarnation ended, or is being ended.
    exit: Exit,
    /// Set when the parent started a child of this name while this one was ending.
    adopted: Option<Factory<A>>,
    alarm: Option<Pin<Box<Sleep>>>,
    sweep: Option<Sweep>,
    supervisor: Supervisor,
    /// Children left from the last incarnation are dismissed once `started` is done.
    dismissed: bool,
    _live: Live,
}

impl<A: Actor> Driver<A> {
    fn from_guard(mut guard: Unstarted<A>, factory: Factory<A>) -> Option<Self> {
        let slot = guard.slot.take()?;
        let live = guard.live.take()?;
        let exit = slot.node.exit(ExitReason::Normal, String::new());
        Some(Self {
            slot,
            factory,
            incarnation: None,
            stage: Stage::BackingOff,
            fate: Fate::Report,
            exit,
            adopted: None,
            alarm: None,
            sweep: None,
            supervisor: Supervisor::default(),
            dismissed: false,
            _live: live,
        })
    }

    fn obey(&mut self, command: Command) {
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
            self.alarm = Some(Box::pin(sleep(after)));
            self.slot.node.set_state(ActorState::BackingOff);
        }
    }

    fn told_to_stop(&mut self, reason: ExitReason, detail: String) {
        match self.stage {
            Stage::Running => self.begin_stop(reason, detail, Fate::Report),
            Stage::BackingOff => self.report(),
            // A report is on its way, or the parent has it already.
            Stage::Draining
            | Stage::Sweeping
            | Stage::Stopping
            | Stage::Clearing
            | Stage::Waiting
            | Stage::Ended => {}
        }
    }

    fn told_to_end(&mut self) {
        self.adopted = None;
        self.slot.close();
        match self.stage {
            Stage::Running => self.begin_stop(ExitReason::Shutdown, String::new(), Fate::End),
            Stage::Waiting | Stage::BackingOff => {
                self.alarm = None;
                self.fate = Fate::End;
                self.begin_clearing();
            }
            Stage::Draining => {
                self.fate = Fate::End;
                self.exit.reason = ExitReason::Shutdown;
                if let Some(incarnation) = &self.incarnation {
                    incarnation.set_mode(Mode::Draining);
                }
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
                self.adopted = Some(factory);
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
        if let Some(sweep) = &mut self.sweep {
            sweep.settle(child);
            return;
        }
        self.notify(child, &exit, true);
        let verdict = self.supervisor.child_exited(&self.slot.node, child, exit);
        self.act_on(verdict);
    }

    fn child_ended(&mut self, child: &ChildRef, exit: &Exit) {
        let keep = exit.reason.is_crash();
        let evicted = self.slot.node.children.lock().remove(child, keep);
        if let Some(evicted) = evicted {
            evicted.node().set_state(ActorState::Stopped);
        }
        if let Some(sweep) = &mut self.sweep {
            sweep.settle(child);
        }
        self.supervisor.child_ended(child);
        self.notify(child, exit, false);
    }

    fn act_on(&mut self, verdict: Option<Verdict>) {
        if let Some(Verdict::Escalate(detail)) = verdict {
            self.crash(ExitReason::Escalated, detail);
        }
    }

    /// Tells the actor about a child it watches.
    fn notify(&self, child: &ChildRef, exit: &Exit, restarts: bool) {
        let Some(incarnation) = &self.incarnation else { return };
        let local = &incarnation.local;
        let id = child.node().id;
        let watch = local.watches.borrow().get(&id).copied();
        if !restarts {
            local.watches.borrow_mut().remove(&id);
        }
        if let Some(watch) = watch {
            let name = child.node().name.to_string();
            local.inbox.borrow_mut().push_back(watch(ChildExit { name, exit: exit.clone(), restarts }));
        }
    }

    /// Builds the next incarnation.
    fn start(&mut self) {
        self.alarm = None;
        self.fate = Fate::Report;
        self.dismissed = false;
        self.slot.node.begin_incarnation();
        let leftovers = self.slot.node.children.lock().in_start_order();
        for child in &leftovers {
            child.node().dormant.store(true, Ordering::Relaxed);
        }
        match Incarnation::build(&self.slot, &self.factory) {
            Ok(incarnation) => {
                self.incarnation = Some(incarnation);
                self.stage = Stage::Running;
            }
            Err(detail) => self.crash(ExitReason::Panic, detail),
        }
    }

    fn begin_stop(&mut self, reason: ExitReason, detail: String, fate: Fate) {
        self.exit = self.slot.node.exit(reason, detail);
        self.fate = fate;
        let mode = if reason == ExitReason::Shutdown { Mode::Draining } else { Mode::Holding };
        if let Some(incarnation) = &self.incarnation {
            incarnation.set_mode(mode);
        }
        match fate {
            Fate::End => self.slot.close(),
            Fate::Report => self.slot.node.set_state(ActorState::Restarting),
        }
        self.stage = Stage::Draining;
        self.set_deadline();
    }

    /// The incarnation failed, or has to go at once.
    fn crash(&mut self, reason: ExitReason, detail: String) {
        let ending = self.fate == Fate::End && self.exit.reason == ExitReason::Shutdown;
        let was_ending = self.fate == Fate::End;
        self.exit = self.slot.node.exit(reason, detail);
        self.retire();
        tracing::warn!(path = %self.slot.node.path, exit = %self.exit, "actor crashed");
        let last = self.slot.node.parent.is_none() || is_final(self.slot.node.settings.policy, reason);
        self.fate = if ending || last { Fate::End } else { Fate::Report };
        if was_ending && self.fate == Fate::Report {
            // It had asked to end and failed while ending: it is restarted, so it takes messages again.
            self.slot.reopen();
        }
        self.begin_clearing();
    }

    /// Drops the incarnation and records how it ended.
    fn retire(&mut self) {
        self.alarm = None;
        self.slot.node.record_exit(self.exit.clone());
        if let Some(panic) = self.incarnation.take().and_then(Incarnation::retire) {
            tracing::error!(path = %self.slot.node.path, panic, "actor panicked while it was dropped");
        }
        match self.fate {
            Fate::Report => self.slot.node.set_state(ActorState::Restarting),
            Fate::End => {}
        }
    }

    /// An orderly stop took too long.
    fn abort(&mut self) {
        let limit = self.slot.node.settings.shutdown;
        let aborted = format!("aborted after {limit:?}");
        let detail = &mut self.exit.detail;
        *detail = if detail.is_empty() { aborted } else { format!("{detail}; {aborted}") };
        tracing::warn!(path = %self.slot.node.path, ?limit, "actor aborted: it did not stop in time");
        self.retire();
        self.begin_clearing();
    }

    fn set_deadline(&mut self) {
        self.alarm = Some(Box::pin(sleep(self.slot.node.settings.shutdown)));
    }

    /// Ends the children, unless that has begun already; the incarnation is gone.
    fn begin_clearing(&mut self) {
        self.stage = Stage::Clearing;
        if self.sweep.is_none() {
            self.begin_sweep();
        }
    }

    fn begin_sweep(&mut self) {
        self.supervisor.reset();
        let node = &self.slot.node;
        let order = match self.fate {
            Fate::End => Order::End,
            Fate::Report => {
                Order::Rest { reason: ExitReason::SupervisorEnded, detail: format!("{} ended", node.path) }
            }
        };
        self.sweep = Some(Sweep::new(node.children.lock().in_start_order(), order));
    }

    /// Tells the parent that the incarnation has ended and waits for its decision.
    fn report(&mut self) {
        self.alarm = None;
        self.stage = Stage::Waiting;
        self.slot.node.set_state(ActorState::Restarting);
        let me = Arc::clone(&self.slot) as ChildRef;
        if let Some(parent) = self.slot.node.parent() {
            parent.node().control.push(Command::ChildExited(me, self.exit.clone()));
        }
    }

    /// Ends for good, or starts again when the parent asked for it meanwhile. False when there is an order
    /// to look at first.
    fn conclude(&mut self) -> bool {
        if let Some(factory) = self.adopted.take() {
            self.factory = factory;
            self.start();
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
        announce_end(&self.slot, self.exit.clone());
        true
    }

    /// Runs the current stage; true when it moved on.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        match self.stage {
            Stage::Running => self.run(cx),
            Stage::Draining | Stage::Sweeping | Stage::Stopping => self.run_to_stop(cx),
            Stage::Clearing => self.clear(),
            Stage::BackingOff => {
                let due = self.alarm.as_mut().is_none_or(|alarm| alarm.as_mut().poll(cx).is_ready());
                if due {
                    self.start();
                }
                due
            }
            Stage::Waiting | Stage::Ended => false,
        }
    }

    fn run(&mut self, cx: &mut Context<'_>) -> bool {
        let outcome = self.incarnation.as_mut().and_then(|incarnation| incarnation.poll(cx));
        match outcome {
            Some(Outcome::Crashed(reason, detail)) => {
                self.crash(reason, detail);
                true
            }
            Some(Outcome::StopRequested | Outcome::Stopped) => {
                let last = self.slot.node.parent.is_none()
                    || is_final(self.slot.node.settings.policy, ExitReason::Normal);
                let fate = if last { Fate::End } else { Fate::Report };
                self.begin_stop(ExitReason::Normal, String::new(), fate);
                true
            }
            None => {
                self.dismiss_leftovers();
                let verdict = self.supervisor.poll(&self.slot.node, cx);
                let escalates = verdict.is_some();
                self.act_on(verdict);
                escalates
            }
        }
    }

    /// Ends children of the last incarnation that this one did not start again in `started`.
    fn dismiss_leftovers(&mut self) {
        let begun = self.slot.node.status.lock().state != ActorState::Starting;
        if self.dismissed || !begun {
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

    /// An orderly stop: finish, end the children, run `stopping`, each with its own limit.
    fn run_to_stop(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(incarnation) = self.incarnation.as_mut() else {
            self.begin_clearing();
            return true;
        };
        match incarnation.poll(cx) {
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
        if self.alarm.as_mut().is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready()) {
            self.abort();
            return true;
        }
        let quiet = incarnation_is_quiet(self.incarnation.as_ref(), &self.slot);
        if self.stage == Stage::Draining {
            let verdict = self.supervisor.poll(&self.slot.node, cx);
            if verdict.is_some() {
                self.act_on(verdict);
                return true;
            }
            if quiet {
                self.alarm = None;
                self.stage = Stage::Sweeping;
                self.begin_sweep();
            }
            return quiet;
        }
        if self.stage == Stage::Sweeping && self.sweep.as_mut().is_none_or(Sweep::advance) {
            self.stage = Stage::Stopping;
            if let Some(incarnation) = &self.incarnation {
                incarnation.set_mode(Mode::Stopping);
            }
            self.set_deadline();
            return true;
        }
        false
    }

    fn clear(&mut self) -> bool {
        if !self.sweep.as_mut().is_none_or(Sweep::advance) {
            return false;
        }
        self.sweep = None;
        match self.fate {
            Fate::Report => {
                self.report();
                true
            }
            Fate::End => self.conclude(),
        }
    }
}

fn incarnation_is_quiet<A: Actor>(incarnation: Option<&Incarnation<A>>, slot: &Slot<A>) -> bool {
    incarnation.is_some_and(|incarnation| incarnation.is_quiet(slot.queued()))
}

impl<A: Actor> Future for Driver<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if this.slot.node.system.is_crashed() {
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
            self.exit = self.slot.node.exit(ExitReason::Aborted, "its task was dropped".to_owned());
            self.retire();
            lose(&self.slot);
        }
    }
}

/// Ends an actor that has no task.
fn lose<A: Actor>(slot: &Arc<Slot<A>>) {
    slot.node.control.abandon();
    let detail = "its arbiter is gone".to_owned();
    announce_end(slot, slot.node.exit(ExitReason::Aborted, detail));
}

/// Closes the slot and tells the parent, or at the root the system.
fn announce_end<A: Actor>(slot: &Arc<Slot<A>>, exit: Exit) {
    let node = &slot.node;
    let undelivered = slot.discard();
    if undelivered > 0 {
        tracing::warn!(path = %node.path, undelivered, "actor ended with messages in its mailbox");
    }
    let given_up = node.status.lock().state == ActorState::GivenUp;
    if !given_up {
        node.set_state(ActorState::Stopped);
    }
    match node.parent() {
        Some(parent) => {
            parent.node().control.push(Command::ChildEnded(Arc::clone(slot) as ChildRef, exit));
        }
        None => node.system.root_ended(&node.path, &exit),
    }
}
