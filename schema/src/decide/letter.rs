//! An operator's answer to a dead letter: try again, or give up.
//!
//! Both change nothing when the letter is no longer its operation's open one, so a repeat has the effect of once.

use crate::cause::{Cause, CauseKind};
use crate::command::Context;
use crate::dead_letter::LetterStatus;
use crate::decide::draft::Draft;
use crate::decide::retry::next_attempt;
use crate::decide::{Verdict, age, reject, report};
use crate::effect::Effect;
use crate::ids::OperationNo;
use crate::operation::{Operation, OperationKind, PgOutcome, Progress};
use crate::payment::Payment;
use crate::problem::{ProblemCode, Rejection};
use crate::status::Status;

pub(super) fn replay(
    payment: &Payment,
    letter_id: &str,
    reason: &str,
    context: &Context<'_>,
) -> Result<Verdict, Rejection> {
    let Some(operation) = open_letter_of(payment, letter_id) else {
        return Ok(Verdict::Unchanged(Vec::new()));
    };
    refuse_mismatch(payment, operation)?;
    refuse_expired(payment, operation, context)?;
    let mut draft = Draft::of(payment, context);
    draft.close_letter(operation.no, LetterStatus::Replayed, reason);
    draft.operation(operation.no).negatives = 0;
    next_attempt(&mut draft, operation.no, Cause::new(CauseKind::Operator, reason));
    Ok(draft.commit())
}

pub(super) fn discard(
    payment: &Payment,
    letter_id: &str,
    reason: &str,
    context: &Context<'_>,
) -> Result<Verdict, Rejection> {
    let Some(operation) = open_letter_of(payment, letter_id) else {
        return Ok(acknowledge(payment, letter_id, reason, context));
    };
    refuse_mismatch(payment, operation)?;
    let (no, kind) = (operation.no, operation.kind);
    let mut draft = Draft::of(payment, context);
    draft.close_letter(no, LetterStatus::Discarded, reason);
    draft.operation(no).progress = Progress::GivenUp;
    let cause = Cause::new(CauseKind::Operator, reason);
    match kind {
        OperationKind::Capture => draft.step(Status::Authorized, no, cause),
        OperationKind::Refund => {
            let untouched = payment.refunded == crate::money::Minor::ZERO;
            draft.step(if untouched { Status::Captured } else { Status::PartialRefunded }, no, cause);
        }
        OperationKind::Void => give_up_void(&mut draft, no, cause),
        OperationKind::Authorize => draft.note(no, cause),
    }
    draft.tell_failure(no, "GIVEN_UP".into());
    Ok(draft.commit())
}

/// The hold stays; the payment goes on as if the cancel had never been asked for.
fn give_up_void(draft: &mut Draft<'_>, no: OperationNo, cause: Cause) {
    let intent = draft.payment.cancel.take().expect("a void starts with an intent");
    match draft.payment.status {
        // The capture gave way to the void, so nothing is open that CAPTURE_FAILED could stand for.
        Status::CaptureFailed => draft.step(Status::Authorized, no, cause),
        Status::Ready => {
            draft.note(no, cause);
            draft.then(Effect::Query(OperationNo::AUTHORIZATION));
        }
        Status::Authorized
        | Status::AuthFailed
        | Status::CaptureRequested
        | Status::Captured
        | Status::RefundRequested
        | Status::Refunded
        | Status::PartialRefunded
        | Status::RefundFailed
        | Status::Cancelled => draft.note(no, cause),
    }
    // Its caller was kept waiting for the cancel's end; otherwise it has had its answer long ago.
    if intent.while_ready {
        report::answer_authorization(draft);
    }
}

/// Discarding the letter about a contradicting answer closes the letter and nothing else: what it tells of has
/// happened at the PG, and the operation had ended before.
fn acknowledge(payment: &Payment, letter_id: &str, reason: &str, context: &Context<'_>) -> Verdict {
    let found = payment.operations.iter().find_map(|operation| {
        let is_named = |attempt| operation.contradiction_letter_id(payment.id, attempt) == letter_id;
        let open =
            operation.contradictions.iter().find(|known| !known.acknowledged && is_named(known.attempt))?;
        Some((operation.no, open.attempt))
    });
    let Some((no, attempt)) = found else {
        return Verdict::Unchanged(Vec::new());
    };
    let mut draft = Draft::of(payment, context);
    let contradictions = &mut draft.operation(no).contradictions;
    for contradiction in contradictions.iter_mut().filter(|known| known.attempt == attempt) {
        contradiction.acknowledged = true;
    }
    draft.close_letter_with_id(letter_id.to_owned(), LetterStatus::Discarded, reason);
    draft.commit()
}

fn open_letter_of<'a>(payment: &'a Payment, letter_id: &str) -> Option<&'a Operation> {
    payment.open_operations().find(|operation| {
        operation.progress == Progress::DeadLettered && operation.dead_letter_id(payment.id) == letter_id
    })
}

/// The PG's record has moved money that ours does not know: neither another try nor giving up can be right.
fn refuse_mismatch(payment: &Payment, operation: &Operation) -> Result<(), Rejection> {
    if operation.outcome != PgOutcome::Mismatch {
        return Ok(());
    }
    let detail = format!(
        "the payment gateway's record of operation {} has another amount; settle it with resolve",
        operation.no
    );
    Err(reject(payment, ProblemCode::OperationSettled, detail))
}

/// A hold that has ended can no longer be captured; the sweep voids it.
fn refuse_expired(payment: &Payment, operation: &Operation, context: &Context<'_>) -> Result<(), Rejection> {
    if operation.kind != OperationKind::Capture || !age::hold_has_ended(payment, context) {
        return Ok(());
    }
    let detail = "the authorization has expired; the hold is being voided".to_owned();
    Err(reject(payment, ProblemCode::CaptureConflict, detail))
}
