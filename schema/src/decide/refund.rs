//! Refund: of captured money, in full or in parts, one at a time.

use crate::cause::{Cause, CauseKind};
use crate::command::{Context, Refund};
use crate::decide::draft::Draft;
use crate::decide::{Reply, Verdict, reject};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::money::{Amount, Minor};
use crate::operation::{Operation, OperationKind};
use crate::payment::Payment;
use crate::problem::{ProblemCode, Rejection};
use crate::representation::AnswerKind;
use crate::status::Status;

pub(super) fn decide(
    payment: &Payment,
    command: &Refund,
    context: &Context<'_>,
) -> Result<Verdict, Rejection> {
    if context.key.is_none()
        && let Some(twin) = twin_of(payment, command, context)
    {
        return Ok(Verdict::Repeat(Reply::Now(AnswerKind::Refund(twin.no))));
    }
    check_state(payment)?;
    let amount = amount_of(payment, command)?;
    let mut draft = Draft::of(payment, context);
    let no = draft.start_operation(OperationKind::Refund, amount);
    let operation = draft.operation(no);
    operation.reason = Some(command.reason.clone());
    operation.amount_as_sent = command.amount;
    draft.step(Status::RefundRequested, no, Cause::new(CauseKind::Api, "refund"));
    let refund_id = payment.refund_id(no);
    let reason = command.reason.clone();
    draft.tell(no, EventKind::PaymentRefundRequested { refund_id, refund_amount: amount, reason });
    draft.then(Effect::Send(no));
    draft.reply(Reply::Now(AnswerKind::Refund(no)));
    if let Some(key) = context.key {
        draft.store_answer(key, AnswerKind::Refund(no));
    }
    Ok(draft.commit())
}

/// A refund without a key that says the same as an open one, or as one accepted a moment ago, is that one again:
/// it is far likelier a repeated request than a second refund.
fn twin_of<'a>(payment: &'a Payment, command: &Refund, context: &Context<'_>) -> Option<&'a Operation> {
    payment.operations.iter().rev().find(|operation| {
        operation.kind == OperationKind::Refund
            && operation.amount_as_sent == command.amount
            && operation.reason.as_ref() == Some(&command.reason)
            && (operation.is_open()
                || context.now.since(operation.requested_at) < context.rules.refund_twin_window)
    })
}

fn check_state(payment: &Payment) -> Result<(), Rejection> {
    let conflict = |detail: String| Err(reject(payment, ProblemCode::RefundConflict, detail));
    if let Some(open) = payment.open_refund() {
        return conflict(format!(
            "refund {} is still open; one refund at a time",
            payment.refund_id(open.no)
        ));
    }
    match payment.status {
        Status::Captured | Status::PartialRefunded => Ok(()),
        Status::Refunded => conflict("the payment is already refunded in full".to_owned()),
        Status::Ready
        | Status::Authorized
        | Status::AuthFailed
        | Status::CaptureRequested
        | Status::CaptureFailed
        | Status::RefundRequested
        | Status::RefundFailed
        | Status::Cancelled => {
            conflict(format!("the payment is {}; only captured money can be refunded", payment.status))
        }
    }
}

fn amount_of(payment: &Payment, command: &Refund) -> Result<Amount, Rejection> {
    let refundable = payment.refundable();
    let all = refundable.as_amount().expect("a captured payment that is not refunded in full has a rest");
    match command.amount {
        None => Ok(all),
        Some(amount) if Minor::from(amount) <= refundable => Ok(amount),
        Some(amount) => {
            let detail =
                format!("the refund of {amount} is more than the {refundable} that can still be refunded");
            Err(reject(payment, ProblemCode::AmountExceedsRefundable, detail))
        }
    }
}
