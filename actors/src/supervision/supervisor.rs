//! What an actor's driver does about the exits of its children: policy, restart limit, backoff, strategy.
//! It never polls a child and never ends its own actor; it says when that has to happen.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::children::ChildRef;
use super::control::Command;
use super::exit::{Exit, ExitReason};
use super::slot::{ActorState, Node};
use super::spec::{Policy, Strategy};
use super::sweep::{Order, Sweep};

/// Whether an end is for good without asking anybody.
pub(super) fn is_final(policy: Policy, reason: ExitReason) -> bool {
    match reason {
        ExitReason::Shutdown | ExitReason::Aborted => true,
        ExitReason::RestartedByOperator | ExitReason::RestartedByStrategy | ExitReason::SupervisorEnded => {
            false
        }
        ExitReason::Normal => policy != Policy::Permanent,
        ExitReason::Panic | ExitReason::Error | ExitReason::Killed | ExitReason::Escalated => {
            policy == Policy::Temporary
        }
    }
}

/// What came of a child's exit.
pub(super) enum Verdict {
    /// It is, or will be, started again.
    Restarts,
    /// Too many restarts: the supervisor has to end, for this reason.
    Escalate(String),
}

/// Several children that are restarted together.
struct Group {
    sweep: Sweep,
    /// In start order.
    members: Vec<ChildRef>,
    delay: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    /// Exits of others that came meanwhile, judged afterwards.
    deferred: Vec<(ChildRef, Exit)>,
}

#[derive(Default)]
pub(super) struct Supervisor {
    group: Option<Box<Group>>,
}

impl Supervisor {
    /// Forgets restarts under way: the supervisor itself ends and takes its children with it.
    pub(super) fn reset(&mut self) {
        self.group = None;
    }

    /// A child's incarnation ended and the child waits. None while a group restart is under way.
    pub(super) fn child_exited(&mut self, node: &Node, child: &ChildRef, exit: Exit) -> Option<Verdict> {
        if let Some(group) = &mut self.group {
            group.sweep.settle(child);
            if !group.members.iter().any(|member| member.node().id == child.node().id) {
                group.deferred.push((Arc::clone(child), exit));
            }
            return None;
        }
        Some(self.judge(node, child, &exit))
    }

    /// A child ended for good.
    pub(super) fn child_ended(&mut self, child: &ChildRef) {
        let id = child.node().id;
        if let Some(group) = &mut self.group {
            group.sweep.settle(child);
            group.members.retain(|member| member.node().id != id);
            group.deferred.retain(|(deferred, _)| deferred.node().id != id);
        }
    }

    fn judge(&mut self, node: &Node, child: &ChildRef, exit: &Exit) -> Verdict {
        let counted = exit.reason.is_crash() || exit.reason == ExitReason::Normal;
        if !counted {
            start(child, Duration::ZERO);
            return Verdict::Restarts;
        }
        let (strategy, limit) = node.supervision();
        let restarts = child.node().restarts_within(limit.window);
        if restarts >= limit.count {
            child.node().set_state(ActorState::GivenUp);
            let window = limit.window;
            return Verdict::Escalate(format!(
                "gave up {} after {restarts} restarts within {window:?}, last exit: {exit}",
                child.node().path()
            ));
        }
        child.node().note_restart();
        let delay = node.system().jitter(child.node().settings().backoff_ceiling(restarts));
        if strategy == Strategy::OneForOne {
            start(child, delay);
        } else {
            self.group = Some(Box::new(gather(node, child, strategy, delay)));
        }
        Verdict::Restarts
    }

    /// Goes on with a group restart; the verdict on an exit that waited for its end, if it escalates.
    pub(super) fn poll(&mut self, node: &Node, cx: &mut Context<'_>) -> Option<Verdict> {
        // A deferred exit may begin the next group, which has to be polled to go on by itself.
        while let Some(mut group) = self.group.take() {
            if !group.is_ready(cx) {
                self.group = Some(group);
                return None;
            }
            for member in &group.members {
                start(member, Duration::ZERO);
            }
            let verdict = self.judge_deferred(node, group.deferred);
            if verdict.is_some() {
                return verdict;
            }
        }
        None
    }

    fn judge_deferred(&mut self, node: &Node, deferred: Vec<(ChildRef, Exit)>) -> Option<Verdict> {
        for (child, exit) in deferred {
            if !child.node().is_down() {
                continue;
            }
            if self.group.is_some() {
                self.child_exited(node, &child, exit);
                continue;
            }
            if let Verdict::Escalate(detail) = self.judge(node, &child, &exit) {
                return Some(Verdict::Escalate(detail));
            }
        }
        None
    }
}

impl Group {
    /// True when all members have stopped and the delay is over.
    fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.sweep.advance() {
            return false;
        }
        if self.delay.is_zero() {
            return true;
        }
        let delay = self.delay;
        self.pause.get_or_insert_with(|| Box::pin(sleep(delay))).as_mut().poll(cx).is_ready()
    }
}

fn gather(node: &Node, culprit: &ChildRef, strategy: Strategy, delay: Duration) -> Group {
    let mut members = node.children.lock().in_start_order();
    if strategy == Strategy::RestForOne {
        members.retain(|member| member.node().id >= culprit.node().id);
    }
    if !delay.is_zero() {
        culprit.node().set_state(ActorState::BackingOff);
    }
    let detail = format!("{} ended", culprit.node().path());
    let order = Order::Rest { reason: ExitReason::RestartedByStrategy, detail };
    Group { sweep: Sweep::new(members.clone(), order), members, delay, pause: None, deferred: Vec::new() }
}

fn start(child: &ChildRef, after: Duration) {
    child.node().set_down(false);
    child.node().control.push(Command::Start { after });
}
