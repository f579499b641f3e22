//! I11: replaying or discarding a dead letter twice has the effect of once.

use std::collections::{BTreeMap, BTreeSet};

use payment_schema::cause::CauseKind;
use payment_schema::dead_letter::{LetterError, LetterStatus};
use payment_schema::invariant::Invariant::I11;

use super::Evidence;
use crate::simulation::history::ActKind;

pub(super) fn audit(evidence: &Evidence<'_>) {
    let mut reasons: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut changes: BTreeMap<&str, u32> = BTreeMap::new();
    for act in evidence.history.acts.iter().filter(|act| act.kind != ActKind::Resolve) {
        reasons.entry(&act.target).or_default().insert(&act.reason);
        if matches!(&act.heard, Some(Ok(Some(outcome))) if outcome.changed) {
            *changes.entry(&act.target).or_default() += 1;
        }
    }
    for (letter, count) in &changes {
        if *count > 1 {
            evidence.report(I11, None, format!("{count} acts on letter {letter} said that they changed it"));
        }
    }
    for (letter, reasons) in &reasons {
        check_effects(evidence, letter, reasons, changes.contains_key(letter));
    }
}

/// All acts on one letter together made at most one step, and made one if they said so.
fn check_effects(evidence: &Evidence<'_>, letter: &str, reasons: &BTreeSet<&str>, changed: bool) {
    let Some((_, row)) = evidence.tables.letters.get(letter) else {
        return evidence.report(I11, None, format!("letter {letter} has vanished"));
    };
    // A record's letter, or one that only tells of a contradiction: nothing but the letter itself can change.
    let moves_payment = row.operation.is_some() && row.error_type != "CONTRADICTING_ANSWER";
    let Some(payment_id) = row.payment_id.filter(|_| moves_payment) else {
        return;
    };
    let effects = evidence
        .steps(payment_id)
        .filter(|step| step.cause.kind == CauseKind::Operator)
        .filter(|step| step.cause.reason.as_deref().is_some_and(|reason| reasons.contains(reason)))
        .count();
    // Discarding the letter about an answer that came too late closes the letter and moves nothing.
    let expected = usize::from(row.error_type != LetterError::ContradictingAnswer.as_str());
    if effects > expected || (effects < expected && changed) {
        evidence.report(I11, payment_id, format!("the acts on letter {letter} had {effects} effects"));
    }
    if effects == 1 && row.status == LetterStatus::Open {
        evidence.report(I11, payment_id, format!("letter {letter} was acted on, but is still open"));
    }
}
