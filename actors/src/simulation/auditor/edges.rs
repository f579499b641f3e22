//! I6 and I10: only edges of the state machine, versions gapless, terminal states final; and every end of an
//! attempt is the PG's recorded answer or an audited act.
//!
//! The table here is written from the rules' text, not taken from the engine.

use payment_schema::cause::CauseKind;
use payment_schema::ids::{Attempt, OperationNo, PaymentId, Version};
use payment_schema::invariant::Invariant::{I6, I10};
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::pg::NO_SUCH_HOLD;
use payment_schema::status::Status::{
    self, AuthFailed, Authorized, Cancelled, CaptureFailed, CaptureRequested, Captured, PartialRefunded,
    Ready, RefundFailed, RefundRequested, Refunded,
};
use payment_schema::transition::Transition;

use super::Evidence;
use crate::simulation::gateway::Verdict;

/// Every edge there is. An edge from a state to itself records an outcome or an intent.
const EDGES: [(Status, Status); 23] = [
    (Ready, Ready),
    (Ready, Authorized),
    (Ready, AuthFailed),
    (Ready, Cancelled),
    (Authorized, Authorized),
    (Authorized, CaptureRequested),
    (Authorized, Cancelled),
    (CaptureRequested, CaptureRequested),
    (CaptureRequested, Captured),
    (CaptureRequested, CaptureFailed),
    (CaptureFailed, CaptureFailed),
    (CaptureFailed, CaptureRequested),
    (CaptureFailed, Authorized),
    (CaptureFailed, Cancelled),
    (Captured, RefundRequested),
    (PartialRefunded, RefundRequested),
    (RefundRequested, RefundRequested),
    (RefundRequested, Refunded),
    (RefundRequested, PartialRefunded),
    (RefundRequested, RefundFailed),
    (RefundFailed, RefundRequested),
    (RefundFailed, Captured),
    (RefundFailed, PartialRefunded),
];

pub(super) fn audit(evidence: &Evidence<'_>) {
    for (id, what) in &evidence.tables.refusals {
        evidence.report(I6, *id, what.clone());
    }
    for payment in evidence.tables.payments.values() {
        check_chain(evidence, payment.id, payment.status, payment.version);
        let mut attempts: std::collections::BTreeMap<OperationNo, Attempt> =
            std::collections::BTreeMap::new();
        for step in evidence.steps(payment.id) {
            let before = attempts.insert(step.operation_no, step.attempt).unwrap_or(Attempt(0));
            if step.attempt.0 < before.0 || step.attempt.0 > before.0.max(1) + 1 {
                let what =
                    format!("attempt {} of operation {} follows {before}", step.attempt, step.operation_no);
                evidence.report(I6, payment.id, what);
            }
            check_end(evidence, payment.id, step);
        }
    }
}

fn check_chain(evidence: &Evidence<'_>, id: PaymentId, status: Status, version: Version) {
    let mut last: Option<&Transition> = None;
    for step in evidence.steps(id) {
        let number = last.map_or(1, |last| last.version.0 + 1);
        let from = last.map(|last| last.to);
        if step.version.0 != number {
            evidence.report(I6, id, format!("version {} stands where {number} should", step.version.0));
        }
        if step.from != from {
            evidence.report(I6, id, format!("version {number} starts from {:?}, not {from:?}", step.from));
        }
        let legal = match step.from {
            None => step.to == Ready,
            Some(from) => EDGES.contains(&(from, step.to)),
        };
        if !legal {
            evidence.report(I6, id, format!("version {number}: {:?} to {} is no edge", step.from, step.to));
        }
        last = Some(step);
    }
    let reached = last.map(|last| (last.to, last.version));
    if reached != Some((status, version)) {
        evidence.report(I6, id, format!("the row says {status} at {}, its history {reached:?}", version.0));
    }
}

/// What the PG must have recorded for a step to be true.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Approval(OperationKind),
    Negative(OperationKind),
    VoidOrNothingToVoid,
}

fn proof_of(step: &Transition) -> Option<Proof> {
    match (step.from?, step.to) {
        (Ready, Authorized) => Some(Proof::Approval(OperationKind::Authorize)),
        (Ready, AuthFailed) => Some(Proof::Negative(OperationKind::Authorize)),
        (_, Cancelled) => Some(Proof::VoidOrNothingToVoid),
        (CaptureRequested, Captured) => Some(Proof::Approval(OperationKind::Capture)),
        (CaptureRequested, CaptureFailed) => Some(Proof::Negative(OperationKind::Capture)),
        (RefundRequested, Refunded | PartialRefunded) => Some(Proof::Approval(OperationKind::Refund)),
        (RefundRequested, RefundFailed) => Some(Proof::Negative(OperationKind::Refund)),
        _ => None,
    }
}

fn check_end(evidence: &Evidence<'_>, id: PaymentId, step: &Transition) {
    if step.cause.kind == CauseKind::Operator {
        return check_audited(evidence, id, step);
    }
    let Some(proof) = proof_of(step) else {
        return;
    };
    let said_by_pg = matches!(step.cause.kind, CauseKind::PgAnswer | CauseKind::PgQuery);
    let kind = match proof {
        Proof::Approval(kind) | Proof::Negative(kind) => kind,
        Proof::VoidOrNothingToVoid => OperationKind::Void,
    };
    let key = PgKey { payment_id: id, kind, operation_no: step.operation_no, attempt: step.attempt };
    let recorded = evidence.bank.recorded(key);
    let proven = recorded.is_some_and(|entry| match proof {
        Proof::Approval(_) => entry.verdict == Verdict::Approved,
        Proof::Negative(_) => entry.verdict != Verdict::Approved,
        Proof::VoidOrNothingToVoid => entry.verdict == Verdict::Approved || entry.code == NO_SUCH_HOLD,
    });
    if !said_by_pg || !proven {
        let what = format!(
            "version {} became {} because of {}, but the pg's record of {key} is {:?}",
            step.version.0,
            step.to,
            step.cause.kind.as_str(),
            recorded.map(|entry| entry.verdict)
        );
        evidence.report(I10, id, what);
    }
}

/// An operator's step has an audit entry with the same reason.
fn check_audited(evidence: &Evidence<'_>, id: PaymentId, step: &Transition) {
    let audited =
        evidence.tables.audit.iter().any(|entry| {
            Some(entry.reason.as_str()) == step.cause.reason.as_deref() && entry.outcome == "done"
        });
    if !audited {
        let what =
            format!("version {} is an operator's ({:?}) without audit", step.version.0, step.cause.reason);
        evidence.report(I10, id, what);
    }
}
