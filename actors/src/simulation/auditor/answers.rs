//! I4, I9 and the client's side of I1: nothing acknowledged is lost, a replay is the first answer byte for byte,
//! another command under a key is refused, one key never begets two payments.

use std::collections::BTreeMap;

use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::invariant::Invariant::{I4, I9};
use payment_schema::problem::ProblemCode;
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;

use super::Evidence;
use crate::api::Outcome;
use crate::simulation::history::{Heard, Request, Wish};

type Place = (MerchantId, IdempotencyKey);

pub(super) fn audit(evidence: &Evidence<'_>) {
    let mut winners: BTreeMap<Place, &Wish> = BTreeMap::new();
    for (request, heard) in &evidence.history.requests {
        if let Heard::Answer(outcome) = heard {
            check_is_kept(evidence, request, outcome);
            check_key(evidence, request, outcome, &mut winners);
        }
    }
    for (request, heard) in &evidence.history.requests {
        check_refusal(evidence, request, heard, &winners);
    }
    check_one_payment_per_key(evidence);
}

/// What a success told is still there: the payment, and the version the answer shows, in the state it shows.
fn check_is_kept(evidence: &Evidence<'_>, request: &Request, outcome: &Outcome) {
    let id = outcome.payment_id;
    if !evidence.tables.payments.contains_key(&id) {
        let what =
            format!("{} was answered {}, but is not there", request.wish.as_str(), outcome.answer.status);
        return evidence.report(I4, id, what);
    }
    if let Some((version, status)) = shown_state(&outcome.answer) {
        let kept = evidence.steps(id).any(|step| step.version.0 == version && step.to.as_str() == status);
        if !kept {
            let what = format!("{} showed {status} at version {version}", request.wish.as_str());
            evidence.report(I4, id, format!("{what}, which is not in the history"));
        }
    }
    let refund_id = serde_json::from_slice::<serde_json::Value>(&outcome.answer.body)
        .ok()
        .and_then(|body| body["refundId"].as_str().map(str::to_owned));
    if let (Wish::Refund(..), Some(refund_id)) = (&request.wish, refund_id) {
        let payment = &evidence.tables.payments[&id];
        if !payment.operations.iter().any(|operation| payment.refund_id(operation.no) == refund_id) {
            evidence.report(I4, id, format!("refund {refund_id} was acknowledged, but is not there"));
        }
    }
}

/// The version and state that a success body shows.
pub(super) fn shown_state(answer: &Answer) -> Option<(u64, String)> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    Some((body["version"].as_u64()?, body["status"].as_str()?.to_owned()))
}

/// Answers that are stored: all of them but 202 and those without a key.
pub(super) fn is_stored(request: &Request, answer: &Answer) -> bool {
    request.key.is_some() && answer.status != 202
}

fn check_key<'a>(
    evidence: &Evidence<'_>,
    request: &'a Request,
    outcome: &Outcome,
    winners: &mut BTreeMap<Place, &'a Wish>,
) {
    let Some(key) = &request.key else {
        return;
    };
    let id = outcome.payment_id;
    let place = (request.merchant_id.clone(), key.clone());
    let winner = winners.entry(place.clone()).or_insert(&request.wish);
    if **winner != request.wish {
        let what = format!("two different commands under key {key} were both answered");
        return evidence.report(I9, id, what);
    }
    let Some(record) = evidence.tables.keys.get(&place) else {
        return evidence.report(I4, id, format!("key {key} was answered, but is not taken"));
    };
    if record.payment_id != id {
        evidence.report(I9, id, format!("key {key} belongs to payment {}", record.payment_id));
    }
    if is_stored(request, &outcome.answer) && record.answer.as_ref() != Some(&outcome.answer) {
        let what = format!("key {key} was answered otherwise than its stored answer");
        evidence.report(I9, id, what);
    }
}

/// The losing command of a key never succeeds, and the winning one is never told that it lost.
fn check_refusal(
    evidence: &Evidence<'_>,
    request: &Request,
    heard: &Heard,
    winners: &BTreeMap<Place, &Wish>,
) {
    let (Heard::Refusal(refusal), Some(key)) = (heard, &request.key) else {
        return;
    };
    let winner = winners.get(&(request.merchant_id.clone(), key.clone()));
    let reused = refusal.rejection.code == ProblemCode::IdempotencyKeyReused;
    if reused && winner.is_some_and(|winner| **winner == request.wish) {
        let what = format!("the command that took key {key} was refused as another one");
        evidence.report(I9, refusal.rejection.payment_id, what);
    }
}

/// A key of an authorization leads to one payment, and each payment has one such key.
fn check_one_payment_per_key(evidence: &Evidence<'_>) {
    let mut payments: BTreeMap<Place, PaymentId> = BTreeMap::new();
    for payment in evidence.tables.payments.values() {
        let place = (payment.merchant_id.clone(), payment.authorization_key.clone());
        if let Some(other) = payments.insert(place.clone(), payment.id) {
            evidence.report(I9, payment.id, format!("key {} also began payment {other}", place.1));
        }
        let record = evidence.tables.keys.get(&place);
        if record.is_none_or(|record| record.payment_id != payment.id) {
            evidence.report(I9, payment.id, format!("its key {} is not taken by it", place.1));
        }
    }
}
