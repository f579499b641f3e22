//! I11: replaying a dead letter twice has the effect of once.

use payment_schema::invariant::Invariant::I11;

use super::dossier::{Dossier, OperationRow, PaymentRow, TransitionRow};
use super::verdicts::Verdicts;

pub(super) fn examine(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    for operation in payment.operations() {
        if operation.dead_letters > 0
            || dossier.letters.iter().any(|letter| letter.operation_no == Some(operation.no))
        {
            verdicts.examined(I11);
            examine_operation(dossier, operation, verdicts);
        }
    }
}

/// Each replayed letter led to one further attempt, and each attempt that an operator caused had its letter.
fn examine_operation(dossier: &Dossier, operation: &OperationRow, verdicts: &mut Verdicts) {
    let no = operation.no;
    let letters = || dossier.letters.iter().filter(|letter| letter.operation_no == Some(no));
    let replayed = letters().filter(|letter| letter.status == "replayed").count();
    let attempts = attempts_by_operators(dossier, no);
    verdicts.require(I11, dossier.id, replayed == attempts, || {
        format!(
            "operation {no} has {replayed} replayed dead letters and {attempts} attempts caused by operators"
        )
    });
    // A letter about an answer that came too late stands beside the operation and is not counted by it.
    let own = || letters().filter(|letter| letter.error_type != "CONTRADICTING_ANSWER");
    let open = own().filter(|letter| letter.status == "open").count();
    verdicts.require(I11, dossier.id, open <= 1, || format!("operation {no} has {open} open dead letters"));
    let written = own().count();
    let counted = usize::try_from(operation.dead_letters).unwrap_or(usize::MAX);
    verdicts.require(I11, dossier.id, written == counted, || {
        format!("operation {no} counts {counted} dead letters and has {written}")
    });
}

/// Steps of an operator that raised the operation's attempt.
fn attempts_by_operators(dossier: &Dossier, no: u32) -> usize {
    let steps: Vec<&TransitionRow> =
        dossier.transitions.iter().filter(|step| step.operation_no == no).collect();
    steps
        .windows(2)
        .filter(|pair| pair[1].cause == "operator" && pair[1].attempt == pair[0].attempt + 1)
        .count()
}
