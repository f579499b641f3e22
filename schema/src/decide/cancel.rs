//! Cancel: the hold is voided at the PG, and the payment is CANCELLED only on the PG's record of it.

use crate::cause::{Cause, CauseKind};
use crate::command::{Cancel, Context};
use crate::dead_letter::LetterStatus;
use crate::decide::draft::Draft;
use crate::decide::{Reply, Verdict, reject};
use crate::effect::Effect;
use crate::ids::OperationNo;
use crate::operation::{OperationKind, Progress};
use crate::payment::{CancelIntent, Payment};
use crate::problem::{ProblemCode, Rejection};
use crate::representation::AnswerKind;
use crate::status::Status;
use crate::text::{IdempotencyKey, Reason};

pub(super) fn decide(
    payment: &Payment,
    command: &Cancel,
    context: &Context<'_>,
) -> Result<Verdict, Rejection> {
    if payment.status == Status::Cancelled {
        return Ok(Verdict::Repeat(Reply::Now(AnswerKind::Cancelled)));
    }
    check_state(payment)?;
    if payment.cancel.is_some() {
        return Ok(join(payment, context));
    }
    let mut draft = Draft::of(payment, context);
    let cause = Cause::new(CauseKind::Api, "cancel");
    begin(&mut draft, command.reason.clone(), context.key, cause);
    draft.reply(Reply::WhenCancelEnds);
    Ok(draft.commit())
}

/// Commits to ending the payment without a capture. With a hold, the void starts at once; without the PG's
/// answer, the PG is asked first.
pub(super) fn begin(draft: &mut Draft<'_>, reason: Reason, key: Option<&IdempotencyKey>, cause: Cause) {
    intend(draft, reason, key);
    if draft.payment.status == Status::Ready {
        draft.note(OperationNo::AUTHORIZATION, cause);
        draft.then(Effect::Query(OperationNo::AUTHORIZATION));
    } else {
        supersede_capture(draft);
        start_void(draft, cause);
    }
}

/// Sets the intent: from now on no capture is accepted.
pub(super) fn intend(draft: &mut Draft<'_>, reason: Reason, key: Option<&IdempotencyKey>) {
    let while_ready = draft.payment.status == Status::Ready;
    let keys = key.cloned().into_iter().collect();
    draft.payment.cancel = Some(Box::new(CancelIntent { reason, while_ready, keys }));
}

/// Adds the void's request; the call follows after the commit. Without the hold's transaction id it names the
/// authorization's key.
pub(super) fn start_void(draft: &mut Draft<'_>, cause: Cause) -> OperationNo {
    let by_authorization_key = draft.payment.hold_transaction_id.is_none();
    let amount = draft.payment.amount;
    let reason = draft.payment.cancel.as_ref().map(|cancel| cancel.reason.clone());
    let no = draft.start_operation(OperationKind::Void, amount);
    let operation = draft.operation(no);
    operation.reason = reason;
    operation.by_authorization_key = by_authorization_key;
    draft.note(no, cause);
    draft.then(Effect::Send(no));
    no
}

/// In CAPTURE_FAILED every attempt was recorded negative, so the capture can give way to the void.
fn supersede_capture(draft: &mut Draft<'_>) {
    let open = draft.payment.open_operations().find(|operation| operation.kind == OperationKind::Capture);
    if let Some(no) = open.map(|operation| operation.no) {
        draft.close_letter(no, LetterStatus::Superseded, "the payment was cancelled");
        draft.operation(no).progress = Progress::Superseded;
    }
}

/// A cancel that is already under way: the caller waits for it too, and its key gets the same answer.
fn join(payment: &Payment, context: &Context<'_>) -> Verdict {
    let is_waiting =
        |key: &&IdempotencyKey| payment.cancel.as_ref().is_some_and(|cancel| cancel.keys.contains(key));
    let Some(key) = context.key.filter(|key| !is_waiting(key)) else {
        return Verdict::Repeat(Reply::WhenCancelEnds);
    };
    let mut draft = Draft::of(payment, context);
    let latest = payment.latest_operation().no;
    let intent = draft.payment.cancel.as_mut().expect("the caller saw the intent");
    intent.keys.push(key.clone());
    draft.note(latest, Cause::new(CauseKind::Api, "cancel repeated"));
    draft.reply(Reply::WhenCancelEnds);
    draft.commit()
}

fn check_state(payment: &Payment) -> Result<(), Rejection> {
    match payment.status {
        Status::Ready | Status::Authorized | Status::CaptureFailed => Ok(()),
        Status::AuthFailed
        | Status::CaptureRequested
        | Status::Captured
        | Status::RefundRequested
        | Status::Refunded
        | Status::PartialRefunded
        | Status::RefundFailed
        | Status::Cancelled => {
            let remedy = if payment.was_captured() { "refund it instead" } else { "nothing was changed" };
            let detail = format!("the payment is {} and cannot be cancelled; {remedy}", payment.status);
            Err(reject(payment, ProblemCode::CancelConflict, detail))
        }
    }
}
