//! I1: the payment gateway moved money once per operation, and its record equals the store's. I10: an unknown
//! outcome ends only by that record, or by an operator whose act is audited.

use payment_schema::invariant::Invariant::{I1, I10};

use super::dossier::{Dossier, OperationRow, PaymentRow, PgEntry, Progress};
use super::evidence::{AskPresent, EvidenceError};
use super::verdicts::Verdicts;

pub(super) fn examine(
    dossier: &Dossier,
    present: AskPresent<'_>,
    verdicts: &mut Verdicts,
) -> Result<(), EvidenceError> {
    let Some(record) = &dossier.pg else {
        return Ok(());
    };
    verdicts.examined(I1);
    for entry in record {
        examine_entry(dossier, entry, present, verdicts)?;
    }
    let Some(payment) = &dossier.payment else {
        return Ok(());
    };
    verdicts.examined(I10);
    examine_approvals(dossier.id, payment, record, verdicts);
    examine_sums(dossier, payment, record, verdicts);
    examine_end(dossier, payment, record, verdicts);
    for operation in payment.operations() {
        examine_operation(dossier, operation, record, verdicts);
    }
    Ok(())
}

/// The engine commits an attempt before it asks, so whatever the gateway heard is known.
fn examine_entry(
    dossier: &Dossier,
    entry: &PgEntry,
    present: AskPresent<'_>,
    verdicts: &mut Verdicts,
) -> Result<(), EvidenceError> {
    let (no, attempt) = (entry.operation_no, entry.attempt);
    let operation = dossier.payment.as_ref().and_then(|payment| payment.operation(no));
    if operation.is_none_or(|operation| operation.attempt < attempt) {
        // The record is read after the store, so it may be ahead.
        if !present(dossier.id)?.is_some_and(|present| present.knows(no, attempt)) {
            verdicts.broken(
                I1,
                dossier.id,
                format!("the gateway recorded {}, which the store does not know", entry.key),
            );
        }
        return Ok(());
    }
    let (Some(payment), Some(operation)) = (&dossier.payment, operation) else {
        return Ok(());
    };
    let ours =
        (operation.kind.as_str(), operation.amount, payment.currency.as_str(), payment.merchant_id.as_str());
    let theirs =
        (entry.operation.as_str(), entry.amount, entry.currency.as_str(), entry.merchant_id.as_str());
    // Another amount is the case that the rules leave to an operator, as a mismatch.
    if ours != theirs && operation.outcome != "mismatch" {
        let detail = format!("the gateway recorded {} as {theirs:?}, the store has {ours:?}", entry.key);
        verdicts.broken(I1, dossier.id, detail);
    }
    Ok(())
}

/// At most one approval per operation, and at most one hold, capture and void.
fn examine_approvals(id: u64, payment: &PaymentRow, record: &[PgEntry], verdicts: &mut Verdicts) {
    let approved =
        |kind: &str| record.iter().filter(|entry| entry.is_approved() && entry.operation == kind).count();
    for kind in ["authorize", "capture", "void"] {
        let count = approved(kind);
        verdicts.require(I1, id, count <= 1, || format!("the gateway approved {count} times: {kind}"));
    }
    for operation in payment.operations() {
        let no = operation.no;
        let count = record.iter().filter(|entry| entry.is_approved() && entry.operation_no == no).count();
        verdicts.require(I1, id, count <= 1, || format!("the gateway approved operation {no} {count} times"));
    }
}

/// Money moved equals money noted; an open operation may have moved it already.
fn examine_sums(dossier: &Dossier, payment: &PaymentRow, record: &[PgEntry], verdicts: &mut Verdicts) {
    let id = dossier.id;
    let sum = |kind: &str, of: &dyn Fn(u32) -> bool| -> i128 {
        let approved = record
            .iter()
            .filter(|entry| entry.is_approved() && entry.operation == kind && of(entry.operation_no));
        approved.map(|entry| i128::from(entry.amount)).sum()
    };
    let is_open = |no: u32| payment.operation(no).is_none_or(OperationRow::is_open);
    let settled = |operation: &&OperationRow| {
        operation.progress == Progress::Approved
            && is_settled_attempt(dossier, operation.no, operation.attempt)
            && !record.iter().any(|entry| entry.is_approved() && entry.operation_no == operation.no)
    };
    for (kind, noted) in [("capture", payment.captured), ("refund", payment.refunded)] {
        let closed = sum(kind, &|no| !is_open(no));
        // What an operator settled as approved is noted without being in the record.
        let by_operator: i128 = payment
            .operations()
            .iter()
            .filter(|operation| operation.kind == kind)
            .filter(settled)
            .map(|operation| i128::from(operation.amount))
            .sum();
        verdicts.require(I1, id, closed + by_operator == i128::from(noted), || {
            format!("the gateway's {kind} approvals make {closed}, the payment has {noted}")
        });
    }
    let (captured, refunded) = (sum("capture", &|_| true), sum("refund", &|_| true));
    verdicts.require(I1, id, captured <= i128::from(payment.amount), || {
        format!("the gateway captured {captured} of {}", payment.amount)
    });
    verdicts
        .require(I1, id, refunded <= captured, || format!("the gateway refunded {refunded} of {captured}"));
}

/// A payment that ended without a capture holds no money.
fn examine_end(dossier: &Dossier, payment: &PaymentRow, record: &[PgEntry], verdicts: &mut Verdicts) {
    let approved = |kind: &str| record.iter().any(|entry| entry.is_approved() && entry.operation == kind);
    let voided = approved("void");
    match payment.status.as_str() {
        "AUTH_FAILED" => {
            verdicts.require(I1, dossier.id, voided || !approved("authorize"), || {
                "the payment is AUTH_FAILED, and the gateway holds its money".to_owned()
            });
        }
        "CANCELLED" => {
            let voids = || payment.operations().iter().filter(|operation| operation.kind == "void");
            let without_hold = voids().any(|void| {
                found_no_hold(void) && is_recorded(record, void.no, void.attempt, Word::Negative)
            });
            let by_operator = voids().any(|void| is_settled_attempt(dossier, void.no, void.attempt));
            verdicts.require(I1, dossier.id, voided || without_hold || by_operator, || {
                "the payment is CANCELLED, and the gateway recorded neither a void nor that there was no hold".to_owned()
            });
        }
        _ => {}
    }
}

/// What the record says about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Approved,
    Negative,
}

fn is_recorded(record: &[PgEntry], no: u32, attempt: u32, word: Word) -> bool {
    let mut entries = record.iter().filter(|entry| entry.operation_no == no && entry.attempt == attempt);
    entries.any(|entry| entry.is_approved() == (word == Word::Approved))
}

/// Every attempt that the store takes for ended was ended by the record, or by an operator.
fn examine_operation(
    dossier: &Dossier,
    operation: &OperationRow,
    record: &[PgEntry],
    verdicts: &mut Verdicts,
) {
    let earlier = (1..operation.attempt).map(|attempt| (attempt, Word::Negative));
    let current = ending(operation).map(|word| (operation.attempt, word));
    for (attempt, word) in earlier.chain(current) {
        if is_recorded(record, operation.no, attempt, word) {
            continue;
        }
        let no = operation.no;
        if is_settled_attempt(dossier, no, attempt) {
            verdicts.require(I10, dossier.id, dossier.audited_resolutions > 0, || {
                format!(
                    "attempt {attempt} of operation {no} was settled by an operator without an audit entry"
                )
            });
        } else {
            let word = if word == Word::Approved { "approval" } else { "refusal" };
            verdicts.broken(
                I10,
                dossier.id,
                format!("attempt {attempt} of operation {no} ended with no {word} in the gateway's record"),
            );
        }
    }
}

/// How the store says that the current attempt ended; `None` while it has not, or when it ended with another
/// operation, whose own record is looked at.
fn ending(operation: &OperationRow) -> Option<Word> {
    match operation.progress {
        Progress::Approved if found_no_hold(operation) => Some(Word::Negative),
        Progress::Approved => Some(Word::Approved),
        Progress::Waiting(_) | Progress::Declined | Progress::GivenUp => Some(Word::Negative),
        Progress::DeadLettered if operation.outcome == "mismatch" => Some(Word::Approved),
        Progress::DeadLettered => Some(Word::Negative),
        Progress::Superseded if operation.kind == "capture" => Some(Word::Negative),
        Progress::Attempting | Progress::Superseded => None,
    }
}

/// A void that the gateway answered with "there is nothing to void": as good as one, and recorded as a refusal.
fn found_no_hold(operation: &OperationRow) -> bool {
    operation.kind == "void"
        && operation.outcome == "declined"
        && operation.response_code.as_deref() == Some("NO_SUCH_HOLD")
}

/// An operator's step that kept the attempt settled it; one that raised the attempt was a replay.
fn is_settled_attempt(dossier: &Dossier, no: u32, attempt: u32) -> bool {
    let mut before = 0;
    for step in dossier.transitions.iter().filter(|step| step.operation_no == no) {
        if step.cause == "operator" && step.attempt == attempt && before == attempt {
            return true;
        }
        before = step.attempt;
    }
    false
}
