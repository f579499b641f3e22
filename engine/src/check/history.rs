//! I6: only edges of the state machine, versions gapless, terminal states final.

use payment_schema::invariant::Invariant::I6;

use super::dossier::{Dossier, OperationRow, PaymentRow, Progress, RequestRow, TransitionRow};
use super::verdicts::Verdicts;

/// The edges between different states, as the rules of money list them.
const EDGES: &[(&str, &[&str])] = &[
    ("READY", &["AUTHORIZED", "AUTH_FAILED", "CANCELLED"]),
    ("AUTHORIZED", &["CAPTURE_REQUESTED", "CANCELLED"]),
    ("CAPTURE_REQUESTED", &["CAPTURED", "CAPTURE_FAILED"]),
    ("CAPTURE_FAILED", &["CAPTURE_REQUESTED", "AUTHORIZED", "CANCELLED"]),
    ("CAPTURED", &["REFUND_REQUESTED"]),
    ("PARTIAL_REFUNDED", &["REFUND_REQUESTED"]),
    ("REFUND_REQUESTED", &["REFUNDED", "PARTIAL_REFUNDED", "REFUND_FAILED"]),
    ("REFUND_FAILED", &["REFUND_REQUESTED", "CAPTURED", "PARTIAL_REFUNDED"]),
];

/// States that nothing leaves, not even for themselves, have no edges.
fn is_edge(from: &str, to: &str) -> bool {
    EDGES.iter().any(|(start, ends)| *start == from && (from == to || ends.contains(&to)))
}

pub(super) fn examine(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    verdicts.examined(I6);
    let id = dossier.id;
    let mut before: Option<&TransitionRow> = None;
    for step in &dossier.transitions {
        let expected = before.map_or(1, |before| before.version + 1);
        verdicts.require(I6, id, step.version == expected, || {
            format!("version {} follows version {}", step.version, expected - 1)
        });
        examine_step(id, before, step, verdicts);
        before = Some(step);
    }
    let last = before.map_or((0, ""), |last| (last.version, last.to.as_str()));
    verdicts.require(I6, id, last == (payment.version, payment.status.as_str()), || {
        format!(
            "the history ends at version {} {}, the row is at {} {}",
            last.0, last.1, payment.version, payment.status
        )
    });
    examine_document(id, payment, verdicts);
    examine_requests(dossier, payment, verdicts);
}

/// Rows about a payment that has no row of its own.
pub(super) fn examine_orphans(dossier: &Dossier, verdicts: &mut Verdicts) {
    let rows = [
        ("transitions", dossier.transitions.len()),
        ("ledger rows", dossier.entries.len()),
        ("request rows", dossier.requests.len()),
    ];
    for (what, count) in rows.into_iter().filter(|(_, count)| *count > 0) {
        verdicts.broken(I6, dossier.id, format!("the store has {count} {what} of it and no payment"));
    }
}

fn examine_step(id: u64, before: Option<&TransitionRow>, step: &TransitionRow, verdicts: &mut Verdicts) {
    let TransitionRow { version, to, .. } = step;
    let from = step.from.as_deref();
    verdicts.require(I6, id, from == before.map(|before| before.to.as_str()), || {
        let was = before.map_or("nothing", |before| before.to.as_str());
        format!("version {version} starts from {} where the payment was {was}", from.unwrap_or("nothing"))
    });
    let allowed = from.map_or(to == "READY", |from| is_edge(from, to));
    verdicts.require(I6, id, allowed, || {
        format!("version {version} goes from {} to {to}, which is no edge", from.unwrap_or("nothing"))
    });
}

/// The aggregate and the columns beside it are two copies of one thing.
fn examine_document(id: u64, payment: &PaymentRow, verdicts: &mut Verdicts) {
    match &payment.document {
        Err(cause) => verdicts.broken(I6, id, format!("the row cannot be read: {cause}")),
        Ok(document) => {
            let same = (document.status.as_str(), document.version, document.captured, document.refunded)
                == (payment.status.as_str(), payment.version, payment.captured, payment.refunded);
            verdicts.require(I6, id, same, || "the row's columns contradict its document".to_owned());
        }
    }
}

/// The request tables are a third copy of the operations, the one that workers and operators look at.
fn examine_requests(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    for operation in payment.operations().iter().filter(|operation| operation.kind != "authorize") {
        let row = dossier.requests.iter().find(|row| row.operation_no == operation.no);
        verdicts.require(I6, dossier.id, row.is_some_and(|row| is_copy(operation, row)), || {
            format!("the request row of operation {} is missing or contradicts the payment", operation.no)
        });
    }
    for row in &dossier.requests {
        verdicts.require(I6, dossier.id, payment.operation(row.operation_no).is_some(), || {
            format!(
                "there is a request row for operation {}, which the payment does not have",
                row.operation_no
            )
        });
    }
}

fn is_copy(operation: &OperationRow, row: &RequestRow) -> bool {
    let status = match operation.progress {
        Progress::Attempting | Progress::Waiting(_) | Progress::DeadLettered => "open",
        Progress::Approved => "approved",
        Progress::Declined | Progress::Superseded => "failed",
        Progress::GivenUp => "given-up",
    };
    (row.operation.as_str(), row.amount, row.attempt, row.status.as_str())
        == (operation.kind.as_str(), operation.amount, operation.attempt, status)
}
