//! The operators: they look after dead letters and unknown outcomes, twice where once would do, and play with
//! breakers.
//!
//! An operator who settles an outcome does it by the PG's own record, as a conscientious one would.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::join;
use payment_schema::command::ResolvedOutcome;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{OperationNo, PaymentId, TraceId};
use payment_schema::operation::{PgKey, PgOutcome};
use payment_schema::topic::Topic;
use tokio::time::sleep;

use crate::api::{Act, BreakerCommand};
use crate::simulation::dice::{Dice, Purpose};
use crate::simulation::environment::Environment;
use crate::simulation::faults::Fault;
use crate::simulation::gateway::Verdict;
use crate::simulation::history::{ActKind, History, OperatorAct};
use crate::simulation::nodes::{Nodes, Process};

const TOPICS: [Topic; 3] = [Topic::SettlementDlq, Topic::RefundDlq, Topic::PaymentDlq];

/// All operators of a run.
pub(in crate::simulation) struct Operator {
    nodes: Rc<Nodes>,
    history: Rc<RefCell<History>>,
    dice: RefCell<Dice>,
    acts: std::cell::Cell<u32>,
}

impl Operator {
    /// Operators of these nodes.
    pub(in crate::simulation) fn new(nodes: Rc<Nodes>, history: Rc<RefCell<History>>) -> Self {
        let dice = RefCell::new(nodes.world().environment.dice(Purpose::Operator));
        Self { nodes, history, dice, acts: std::cell::Cell::new(0) }
    }

    /// Works until the world is calm.
    pub(in crate::simulation) async fn run(&self) {
        while !self.environment().is_calm() {
            let pause = self.dice.borrow_mut().millis(1_000, 12_000);
            sleep(pause).await;
            let Some(process) = self.any_process() else { continue };
            let choice = self.dice.borrow_mut().below(10);
            match choice {
                0 => self.force_breaker(&process).await,
                1 | 2 => self.settle_unknown(&process).await,
                _ => self.look_after_letters(&process, false).await,
            }
        }
    }

    /// Brings everything that waits for an operator to its end; called when the world is calm.
    pub(in crate::simulation) async fn tidy_up(&self) {
        let Some(process) = self.any_process() else { return };
        self.look_after_letters(&process, true).await;
    }

    /// Puts every breaker back to work.
    pub(in crate::simulation) async fn close_breakers(&self) {
        for process in self.nodes.running() {
            for breaker in process.engine.operator.breakers() {
                let act = self.act();
                let asked = process.engine.operator.set_breaker(breaker.name, BreakerCommand::Closed, act);
                process.until_death(asked).await;
            }
        }
    }

    async fn look_after_letters(&self, process: &Process, all: bool) {
        let operator = &*process.engine.operator;
        for topic in TOPICS {
            let asked = operator.dead_letters(topic, Some(LetterStatus::Open), None, 50);
            let Some(Ok(letters)) = process.until_death(asked).await else { return };
            for (_, letter) in letters {
                let (acts, discards) = {
                    let mut dice = self.dice.borrow_mut();
                    (dice.chance(0.7), dice.chance(0.3))
                };
                if all || acts {
                    self.look_after(process, &letter, discards && !all).await;
                }
            }
        }
    }

    /// Acts on a letter, and once more, which must change nothing; a mismatch is settled by the PG's record.
    async fn look_after(&self, process: &Process, letter: &DeadLetter, discards: bool) {
        let kind = if discards { ActKind::Discard } else { ActKind::Replay };
        let (at_once, pause) = {
            let mut dice = self.dice.borrow_mut();
            (dice.chance(0.3), dice.millis(0, 300))
        };
        if at_once {
            // Two operators, perhaps at two nodes, have the same idea.
            let other = self.any_process().unwrap_or_else(|| process.clone());
            join(self.act_on(process, letter, kind), self.act_on(&other, letter, kind)).await;
        } else {
            self.act_on(process, letter, kind).await;
            sleep(pause).await;
            self.act_on(process, letter, kind).await;
        }
        if letter.error_type == "AMOUNT_MISMATCH"
            && let (Some(payment_id), Some((no, _))) = (letter.payment_id, letter.operation)
        {
            self.settle(process, payment_id, no).await;
        }
    }

    async fn act_on(&self, process: &Process, letter: &DeadLetter, kind: ActKind) {
        let act = self.act();
        let reason = act.reason.clone();
        let operator = &process.engine.operator;
        let asked = async {
            match kind {
                ActKind::Discard => operator.discard(letter.topic, &letter.id, act).await,
                ActKind::Replay | ActKind::Resolve => operator.replay(letter.topic, &letter.id, act).await,
            }
        };
        let heard = process.until_death(asked).await.map(|heard| heard.map(Some));
        self.environment().note(format_args!("operator {kind:?} {} {heard:?}", letter.id));
        self.history.borrow_mut().acts.push(OperatorAct { kind, target: letter.id.clone(), reason, heard });
    }

    /// Settles one outcome that has been unknown long enough for somebody to look at the PG's record.
    async fn settle_unknown(&self, process: &Process) {
        let unknown = self.nodes.world().store.inspect(|tables| {
            let mut found = Vec::new();
            for payment in tables.payments.values() {
                for operation in payment.open_operations() {
                    if operation.outcome == PgOutcome::Unknown {
                        found.push((payment.id, operation.no));
                    }
                }
            }
            found
        });
        if let Some((payment_id, no)) = unknown.first() {
            self.settle(process, *payment_id, *no).await;
        }
    }

    async fn settle(&self, process: &Process, payment_id: PaymentId, no: OperationNo) {
        let Some(key) = self.current_key(payment_id, no) else { return };
        let entry = self.nodes.world().gateway.inspect(|bank| bank.recorded(key).cloned());
        let Some(entry) = entry else { return };
        let outcome = match entry.verdict {
            Verdict::Approved => ResolvedOutcome::Approved,
            Verdict::Declined => ResolvedOutcome::Declined,
            Verdict::Failed => ResolvedOutcome::Failed,
        };
        let act = self.act();
        let reason = act.reason.clone();
        let asked = process.engine.operator.resolve(payment_id, no, outcome, entry.transaction_id, act);
        let heard = process.until_death(asked).await.map(|heard| heard.map(|_| None));
        self.environment().note(format_args!("operator resolve {key} {heard:?}"));
        let act = OperatorAct { kind: ActKind::Resolve, target: payment_id.to_string(), reason, heard };
        self.history.borrow_mut().acts.push(act);
    }

    fn current_key(&self, payment_id: PaymentId, no: OperationNo) -> Option<PgKey> {
        self.nodes.world().store.inspect(|tables| {
            let operation = tables.payments.get(&payment_id)?.operation(no)?;
            Some(operation.pg_key(payment_id))
        })
    }

    async fn force_breaker(&self, process: &Process) {
        let (name, command, pause) = {
            let mut dice = self.dice.borrow_mut();
            let breakers = process.engine.operator.breakers();
            let name = dice.pick(&breakers).name;
            let commands =
                [BreakerCommand::ForcedOpen, BreakerCommand::Disabled, BreakerCommand::ForcedHalfOpen];
            (name, *dice.pick(&commands), dice.millis(500, 15_000))
        };
        self.environment().count(Fault::BreakerForced);
        let operator = &process.engine.operator;
        process.until_death(operator.set_breaker(name, command, self.act())).await;
        sleep(pause).await;
        process.until_death(operator.set_breaker(name, BreakerCommand::Closed, self.act())).await;
    }

    /// Every act has a reason of its own, by which its effects are found again.
    fn act(&self) -> Act {
        let number = self.acts.get() + 1;
        self.acts.set(number);
        let trace_id = TraceId::new(u128::from(self.dice.borrow_mut().bits()));
        Act { who: "operator".to_owned(), reason: format!("act {number}"), trace_id }
    }

    fn any_process(&self) -> Option<Process> {
        let node = self.dice.borrow_mut().below(self.nodes.count() as u64);
        self.nodes.process(usize::try_from(node).expect("there are few nodes"))
    }

    fn environment(&self) -> &Environment {
        &self.nodes.world().environment
    }
}
