//! What holds for every decision, whatever the payment and the command.

use payment_schema::command::Command;
use payment_schema::decide::Decision;
use payment_schema::effect::Effect;
use payment_schema::ids::{EventId, OperationNo, Version};
use payment_schema::operation::{Operation, OperationKind, PgOutcome, Progress};
use payment_schema::payment::Payment;
use payment_schema::pg::Finding;
use payment_schema::rules::Rules;
use payment_schema::status::Status;
use payment_schema::time::Timestamp;

use crate::edges;

/// The first step of a payment.
pub(crate) fn check_first_step(decision: &Decision) {
    let [transition] = decision.transitions.as_slice() else { panic!("a payment begins with one step") };
    assert_eq!((transition.from, transition.to, transition.version), (None, Status::Ready, Version(1)));
    assert_eq!(decision.expected, Version::NONE, "a new payment expects to be nowhere in the store");
    assert!(decision.events.is_empty() && decision.letters.is_empty() && decision.answers.is_empty());
    check_effects(&decision.payment, &decision.effects);
}

/// One decision on a payment.
pub(crate) fn check_step(before: &Payment, command: &Command, decision: &Decision, now: Timestamp) {
    assert_eq!(decision.expected, before.version, "a decision is fenced by the version it was made on");
    check_transitions(before, decision, now);
    check_events(before, decision);
    check_operations(before, command, &decision.payment);
    check_effects(&decision.payment, &decision.effects);
    check_late(before, command, decision);
    let after = &decision.payment;
    assert_eq!(
        (before.amount, before.currency),
        (after.amount, after.currency),
        "amount and currency never change"
    );
    if edges::TERMINAL.contains(&before.status) {
        assert!(decision.events.is_empty() && decision.answers.is_empty() && decision.effects.is_empty());
        assert_eq!(
            (before.status, before.version),
            (after.status, after.version),
            "terminal states never change"
        );
    }
}

fn check_transitions(before: &Payment, decision: &Decision, now: Timestamp) {
    let (mut status, mut version) = (before.status, before.version);
    for step in &decision.transitions {
        assert_eq!(step.from, Some(status), "steps follow one another");
        assert_eq!(step.version, version.next(), "versions are gapless");
        assert_eq!(step.at, now);
        assert!(edges::is_edge(status, step.to), "{status} to {} is no edge", step.to);
        (status, version) = (step.to, step.version);
    }
    let after = &decision.payment;
    assert_eq!((after.status, after.version), (status, version), "the payment is where its last step led");
    if decision.transitions.is_empty() {
        assert!(decision.events.is_empty() && !decision.letters.is_empty(), "only letters need no step");
    } else {
        assert_eq!(after.updated_at, now);
    }
}

fn check_events(before: &Payment, decision: &Decision) {
    let mut seq = before.last_event_seq;
    for event in &decision.events {
        seq += 1;
        assert_eq!(event.event_seq, seq, "event numbers are gapless");
        assert_eq!(event.event_id, EventId::of(before.id, seq), "an event's id follows from its number");
        let step = decision.transitions.iter().find(|step| step.version == event.version);
        let step = step.expect("an event carries the version of one of the decision's steps");
        assert_eq!(event.status, step.to, "an event's state is its version's");
        assert_eq!((event.amount, event.currency), (before.amount, before.currency));
        assert!(decision.payment.operation(event.operation_no).is_some());
    }
    assert_eq!(decision.payment.last_event_seq, seq);
}

fn check_operations(before: &Payment, command: &Command, after: &Payment) {
    for (index, operation) in after.operations.iter().enumerate() {
        let number = u32::try_from(index + 1).expect("few operations");
        assert_eq!(operation.no, OperationNo(number), "operations are numbered from 1");
        match before.operation(operation.no) {
            Some(earlier) => check_operation(earlier, command, operation),
            None => assert_eq!((operation.attempt.0, operation.outcome), (1, PgOutcome::None)),
        }
    }
    assert!(after.operations.len() >= before.operations.len(), "no operation is ever forgotten");
}

fn check_operation(before: &Operation, command: &Command, after: &Operation) {
    assert_eq!(
        (before.kind, before.amount),
        (after.kind, after.amount),
        "an operation keeps kind and amount"
    );
    assert!(before.is_open() || !after.is_open(), "a closed operation stays closed");
    if after.attempt != before.attempt {
        assert_eq!(after.attempt, before.attempt.next());
        assert!(
            matches!(before.outcome, PgOutcome::Declined | PgOutcome::Failed),
            "the attempt rises only after a recorded negative, not after {:?}",
            before.outcome
        );
    } else if matches!(before.outcome, PgOutcome::Unknown | PgOutcome::Mismatch)
        && after.outcome != before.outcome
    {
        let is_recorded = match command {
            Command::PgReport { report, .. } => {
                matches!(report.finding, Finding::Approved(_) | Finding::Negative(_) | Finding::Mismatch)
            }
            Command::Resolve { .. } => true,
            Command::Capture(_)
            | Command::Refund(_)
            | Command::Cancel(_)
            | Command::RetryDue { .. }
            | Command::CheckAge
            | Command::ReplayLetter { .. }
            | Command::DiscardLetter { .. } => false,
        };
        assert!(is_recorded, "an unknown outcome ends only by the pg's record or an operator");
    }
}

/// A report about a closed operation or an old attempt changes nothing, or leaves one letter.
fn check_late(before: &Payment, command: &Command, decision: &Decision) {
    let Command::PgReport { operation_no, attempt, .. } = command else { return };
    let is_current = before
        .operation(*operation_no)
        .is_some_and(|operation| operation.attempt == *attempt && operation.progress == Progress::Attempting);
    if !is_current {
        assert!(
            decision.transitions.is_empty() && decision.effects.is_empty() && decision.answers.is_empty()
        );
        assert_eq!(decision.letters.len(), 1, "a contradiction is dead-lettered");
    }
}

/// What is to be done concerns operations that still need it.
pub(crate) fn check_effects(payment: &Payment, effects: &[Effect]) {
    for effect in effects {
        let progress = |no| payment.operation(no).expect("an effect names an operation").progress;
        match *effect {
            Effect::Send(no) | Effect::SendLater(no) => {
                assert_eq!(progress(no), Progress::Attempting, "only a committed attempt is sent");
                let unwanted = no == OperationNo::AUTHORIZATION && payment.cancel.is_some();
                assert!(!unwanted, "an authorization that is to end is not sent");
            }
            Effect::Query(_) | Effect::QueryLater(_) => {}
            Effect::RetryAt(no, at) => assert_eq!(progress(no), Progress::Waiting(at)),
        }
    }
}

/// What holds for every payment at rest in the store.
pub(crate) fn check_payment(payment: &Payment, now: Timestamp, rules: &Rules) {
    let open_refunds: Vec<&Operation> =
        payment.open_operations().filter(|operation| operation.kind == OperationKind::Refund).collect();
    assert!(open_refunds.len() <= 1, "at most one refund is open");
    let open: u64 = open_refunds.iter().map(|refund| refund.amount.get()).sum();
    assert!(payment.captured.get() <= payment.amount.get(), "captured is at most authorized");
    assert!(payment.refunded.get() + open <= payment.captured.get(), "refunds are at most captured");
    check_somebody_looks_after(payment, now, rules);
    let text = serde_json::to_string(payment).expect("a payment is JSON");
    let read: Payment = serde_json::from_str(&text).expect("a payment reads what it wrote");
    assert_eq!(&read, payment, "a payment survives being stored");
}

/// A payment rests, is terminal, or has an open operation that the sweep or an operator moves on.
fn check_somebody_looks_after(payment: &Payment, now: Timestamp, rules: &Rules) {
    let open: Vec<&Operation> = payment.open_operations().collect();
    assert!(!open.is_empty() || payment.status.is_resting() || payment.status.is_terminal());
    assert!(open.is_empty() || !payment.status.is_terminal(), "a terminal payment has nothing open");
    let is_automatic = |operation: &&Operation| operation.progress != Progress::DeadLettered;
    if open.iter().any(is_automatic) {
        assert!(payment.due(now, rules).is_some(), "a sweep finds every operation under way");
    }
}
