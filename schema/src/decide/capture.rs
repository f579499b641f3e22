//! Capture: once, in full or in part; the rest of the hold is released by the PG.

use crate::cause::{Cause, CauseKind};
use crate::command::{Capture, Context};
use crate::decide::draft::Draft;
use crate::decide::{Reply, Verdict, reject};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::OperationNo;
use crate::money::Amount;
use crate::operation::{Operation, OperationKind, Progress};
use crate::payment::Payment;
use crate::problem::{ProblemCode, Rejection};
use crate::representation::AnswerKind;
use crate::status::Status;

pub(super) fn decide(
    payment: &Payment,
    command: &Capture,
    context: &Context<'_>,
) -> Result<Verdict, Rejection> {
    if let Some(earlier) = standing_capture(payment) {
        return repeat(payment, earlier, command);
    }
    check_state(payment, context)?;
    let amount = command.amount.unwrap_or(payment.amount);
    if amount > payment.amount {
        let detail =
            format!("the capture of {amount} is more than the {} that were authorized", payment.amount);
        return Err(reject(payment, ProblemCode::AmountExceedsAuthorized, detail));
    }
    let mut draft = Draft::of(payment, context);
    start(&mut draft, amount, Cause::new(CauseKind::Api, "capture"));
    draft.reply(Reply::Now(AnswerKind::Capture));
    if let Some(key) = context.key {
        draft.store_answer(key, AnswerKind::Capture);
    }
    Ok(draft.commit())
}

/// Begins the capture of `amount`: the state, the attempt, the event and the call after the commit.
pub(super) fn start(draft: &mut Draft<'_>, amount: Amount, cause: Cause) -> OperationNo {
    let no = draft.start_operation(OperationKind::Capture, amount);
    draft.step(Status::CaptureRequested, no, cause);
    let approval_number = draft.payment.approval_number.clone();
    let transaction_id = draft.payment.hold_transaction_id.clone();
    draft.tell(
        no,
        EventKind::PaymentCaptureRequested { approval_number, transaction_id, capture_amount: amount },
    );
    draft.then(Effect::Send(no));
    no
}

/// The capture that is open or approved; one that was given up or superseded does not count.
fn standing_capture(payment: &Payment) -> Option<&Operation> {
    payment.operations.iter().find(|operation| {
        operation.kind == OperationKind::Capture
            && (operation.is_open() || operation.progress == Progress::Approved)
    })
}

fn repeat(payment: &Payment, earlier: &Operation, command: &Capture) -> Result<Verdict, Rejection> {
    let amount = command.amount.unwrap_or(payment.amount);
    if earlier.amount == amount {
        return Ok(Verdict::Repeat(Reply::Now(AnswerKind::Capture)));
    }
    let detail =
        format!("a capture of {} is already {}; a payment is captured once", earlier.amount, word(earlier));
    Err(reject(payment, ProblemCode::CaptureConflict, detail))
}

fn word(earlier: &Operation) -> &'static str {
    if earlier.is_open() { "under way" } else { "done" }
}

fn check_state(payment: &Payment, context: &Context<'_>) -> Result<(), Rejection> {
    let conflict = |detail: String| Err(reject(payment, ProblemCode::CaptureConflict, detail));
    match payment.status {
        Status::Authorized if payment.cancel.is_some() => conflict("the hold is being voided".to_owned()),
        Status::Authorized if payment.authorization_expires_at.is_some_and(|end| end <= context.now) => {
            conflict("the authorization has expired".to_owned())
        }
        Status::Authorized => Ok(()),
        Status::Ready => {
            conflict("the payment is READY: the payment gateway has not answered yet".to_owned())
        }
        Status::AuthFailed
        | Status::CaptureRequested
        | Status::Captured
        | Status::CaptureFailed
        | Status::RefundRequested
        | Status::Refunded
        | Status::PartialRefunded
        | Status::RefundFailed
        | Status::Cancelled => {
            conflict(format!("the payment is {}; only an AUTHORIZED payment can be captured", payment.status))
        }
    }
}
