//! I2 and the sums of reconciliation: what was captured and refunded stays within what was authorized, and
//! database, ledger and PG agree on it.

use payment_schema::invariant::Invariant::{I1, I2};
use payment_schema::operation::OperationKind;
use payment_schema::payment::Payment;
use payment_schema::status::Status;

use super::Evidence;

pub(super) fn audit(evidence: &Evidence<'_>) {
    for payment in evidence.tables.payments.values() {
        check_amounts(evidence, payment);
        check_against_pg(evidence, payment);
    }
}

fn check_amounts(evidence: &Evidence<'_>, payment: &Payment) {
    let (captured, refunded) = (payment.captured.get(), payment.refunded.get());
    let refunds = payment.operations.iter().filter(|it| it.kind == OperationKind::Refund && it.is_open());
    let open: Vec<u64> = refunds.map(|refund| refund.amount.get()).collect();
    if captured > payment.amount.get() {
        evidence.report(I2, payment.id, format!("captured {captured} of {}", payment.amount));
    }
    if refunded + open.iter().sum::<u64>() > captured {
        evidence.report(I2, payment.id, format!("refunded {refunded}, open {open:?}, captured {captured}"));
    }
    if open.len() > 1 {
        evidence.report(I2, payment.id, format!("{} refunds are open at the same time", open.len()));
    }
    let fits = match payment.status {
        Status::Captured => captured > 0 && refunded == 0,
        Status::PartialRefunded => refunded > 0 && refunded < captured,
        Status::Refunded => captured > 0 && refunded == captured,
        Status::RefundRequested | Status::RefundFailed => captured > 0 && refunded < captured,
        Status::Ready
        | Status::Authorized
        | Status::AuthFailed
        | Status::CaptureRequested
        | Status::CaptureFailed
        | Status::Cancelled => captured == 0 && refunded == 0,
    };
    if !fits {
        let what = format!("{} with captured {captured} and refunded {refunded}", payment.status);
        evidence.report(I2, payment.id, what);
    }
}

fn check_against_pg(evidence: &Evidence<'_>, payment: &Payment) {
    let in_flight = payment.open_operations().next().is_some();
    let sums =
        [(OperationKind::Capture, payment.captured.get()), (OperationKind::Refund, payment.refunded.get())];
    for (kind, ours) in sums {
        let theirs = evidence.approved_sum(payment.id, kind);
        if ours > theirs || (ours < theirs && !in_flight) {
            let what = format!("{} sums: ours {ours}, the pg's {theirs}", kind.as_str());
            evidence.report(I1, payment.id, what);
        }
    }
    let holds = evidence.approved_sum(payment.id, OperationKind::Authorize);
    let voided = evidence.approved(payment.id).any(|entry| entry.key.kind == OperationKind::Void);
    let ended_without = matches!(payment.status, Status::AuthFailed | Status::Cancelled);
    if ended_without && holds > 0 && !voided {
        evidence.report(I1, payment.id, format!("{}, but the pg still holds {holds}", payment.status));
    }
    if !ended_without && payment.status != Status::Ready && (holds == 0 || voided) && !in_flight {
        let what = format!("{}, but the pg's hold is {holds}, voided: {voided}", payment.status);
        evidence.report(I1, payment.id, what);
    }
}
