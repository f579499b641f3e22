//! I5: every payment rests, is terminal, or has an open operation that somebody looks after.

use payment_schema::invariant::Invariant::I5;
use payment_schema::time::Timestamp;

use super::dossier::{Dossier, OperationRow, PaymentRow, Progress};
use super::verdicts::Verdicts;

const MAY_REST: [&str; 6] =
    ["AUTHORIZED", "CAPTURED", "PARTIAL_REFUNDED", "AUTH_FAILED", "CANCELLED", "REFUNDED"];

pub(super) fn examine(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    verdicts.examined(I5);
    let mut open = payment.operations().iter().filter(|operation| operation.is_open()).peekable();
    let rests = MAY_REST.contains(&payment.status.as_str());
    verdicts.require(I5, dossier.id, rests || open.peek().is_some(), || {
        format!("the payment is {} and nothing is open", payment.status)
    });
    for operation in open {
        match operation.progress {
            Progress::DeadLettered => examine_letter(dossier, operation, verdicts),
            Progress::Attempting
            | Progress::Waiting(_)
            | Progress::Approved
            | Progress::Declined
            | Progress::GivenUp
            | Progress::Superseded => examine_age(dossier, payment, operation, verdicts),
        }
    }
}

fn examine_letter(dossier: &Dossier, operation: &OperationRow, verdicts: &mut Verdicts) {
    let id = format!("{}-{}-{}", dossier.id, operation.no, operation.dead_letters);
    let is_open = dossier.letters.iter().any(|letter| letter.id == id && letter.status == "open");
    verdicts.require(I5, dossier.id, is_open, || {
        format!("operation {} waits for an operator, and there is no open dead letter {id}", operation.no)
    });
}

/// An operation is looked after while attempts, answers or the sweeps' leases on its payment are recent.
fn examine_age(dossier: &Dossier, payment: &PaymentRow, operation: &OperationRow, verdicts: &mut Verdicts) {
    let planned = match operation.progress {
        Progress::Waiting(until) => Some(until),
        Progress::Attempting
        | Progress::DeadLettered
        | Progress::Approved
        | Progress::Declined
        | Progress::GivenUp
        | Progress::Superseded => None,
    };
    let known = [Some(operation.attempted_at), operation.answered_at, payment.due_at, planned];
    let latest = known.into_iter().flatten().max().unwrap_or(Timestamp::from_micros(0));
    if payment.due_at.is_none() {
        verdicts.broken(
            I5,
            dossier.id,
            format!("operation {} is open, and no sweep will look at it", operation.no),
        );
    } else if verdicts.is_fresh(latest) {
        verdicts.saw_in_flight();
    } else {
        verdicts.broken(
            I5,
            dossier.id,
            format!("operation {} is open and was left alone since {latest}", operation.no),
        );
    }
}
