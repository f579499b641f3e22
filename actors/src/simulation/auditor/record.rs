//! I1: money moved at the PG once per operation, and the database agrees.

use payment_schema::invariant::Invariant::I1;
use payment_schema::operation::{Operation, OperationKind, PgOutcome, Progress};
use payment_schema::payment::Payment;

use super::Evidence;
use crate::simulation::gateway::{Entry, Verdict};

pub(super) fn audit(evidence: &Evidence<'_>) {
    for entry in evidence.bank.record() {
        check_is_known(evidence, entry);
    }
    for payment in evidence.tables.payments.values() {
        check_counts(evidence, payment);
        for operation in &payment.operations {
            check_operation(evidence, payment, operation);
        }
    }
}

/// Everything the PG recorded belongs to a payment and an operation of ours, with the same values.
fn check_is_known(evidence: &Evidence<'_>, entry: &Entry) {
    let id = entry.key.payment_id;
    let Some(payment) = evidence.tables.payments.get(&id) else {
        return evidence.report(I1, id, format!("the pg recorded {} for an unknown payment", entry.key));
    };
    let Some(operation) = payment.operation(entry.key.operation_no) else {
        return evidence.report(I1, id, format!("the pg recorded {} for an unknown operation", entry.key));
    };
    let agrees = operation.kind == entry.key.kind
        && operation.amount == entry.amount
        && payment.currency == entry.currency
        && payment.merchant_id == entry.merchant_id
        && entry.key.attempt <= operation.attempt;
    if !agrees {
        evidence.report(I1, id, format!("the pg's record of {} has other values than ours", entry.key));
    }
}

fn check_counts(evidence: &Evidence<'_>, payment: &Payment) {
    for kind in [OperationKind::Authorize, OperationKind::Capture, OperationKind::Void] {
        let count = evidence.approved(payment.id).filter(|entry| entry.key.kind == kind).count();
        if count > 1 {
            evidence.report(I1, payment.id, format!("the pg approved {count} {} operations", kind.as_str()));
        }
    }
    let captured = evidence.approved_sum(payment.id, OperationKind::Capture);
    let refunded = evidence.approved_sum(payment.id, OperationKind::Refund);
    if refunded > captured {
        evidence.report(I1, payment.id, format!("the pg refunded {refunded} of {captured}"));
    }
}

fn check_operation(evidence: &Evidence<'_>, payment: &Payment, operation: &Operation) {
    let mine = |entry: &&Entry| entry.key.operation_no == operation.no;
    let approvals = evidence.approved(payment.id).filter(mine).count();
    if approvals > 1 {
        let what = format!("the pg approved operation {} {approvals} times", operation.no);
        return evidence.report(I1, payment.id, what);
    }
    let approved = approvals == 1;
    let explained = match operation.progress {
        Progress::Approved if operation.kind == OperationKind::Void => {
            approved || no_such_hold(evidence, payment, operation)
        }
        Progress::Approved => approved,
        // The hold that an approved authorization left was voided by its key.
        Progress::Superseded if operation.kind == OperationKind::Authorize => {
            !approved || evidence.approved(payment.id).any(|entry| entry.key.kind == OperationKind::Void)
        }
        Progress::DeadLettered if operation.outcome == PgOutcome::Mismatch => true,
        Progress::Attempting => true,
        Progress::Waiting(_)
        | Progress::DeadLettered
        | Progress::Declined
        | Progress::GivenUp
        | Progress::Superseded => !approved,
    };
    if !explained {
        let what = format!(
            "operation {} ({}) is {:?}, but the pg's record says approved = {approved}",
            operation.no,
            operation.kind.as_str(),
            operation.progress
        );
        evidence.report(I1, payment.id, what);
    }
}

/// The PG recorded that there was nothing to void.
fn no_such_hold(evidence: &Evidence<'_>, payment: &Payment, operation: &Operation) -> bool {
    let entry = evidence.bank.recorded(operation.pg_key(payment.id));
    entry.is_some_and(|entry| {
        entry.verdict == Verdict::Declined && entry.code == payment_schema::pg::NO_SUCH_HOLD
    })
}
