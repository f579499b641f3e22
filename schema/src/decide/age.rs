//! What time does: a READY without an answer is cancelled, a hold that ended is voided.

use crate::cause::{Cause, CauseKind};
use crate::command::Context;
use crate::decide::draft::Draft;
use crate::decide::{Verdict, cancel};
use crate::payment::Payment;
use crate::status::Status;
use crate::text::Reason;

pub(super) fn decide(payment: &Payment, context: &Context<'_>) -> Verdict {
    if !is_too_old(payment, context) && !hold_has_ended(payment, context) {
        return Verdict::Unchanged(Vec::new());
    }
    let mut draft = Draft::of(payment, context);
    cancel::begin(&mut draft, reason(), None, cause());
    draft.commit()
}

/// The reason of a cancel that no client asked for.
pub(super) fn reason() -> Reason {
    Reason::parse("expired").expect("a short plain word is a reason")
}

pub(super) fn cause() -> Cause {
    Cause::new(CauseKind::Expiry, "expired")
}

/// Whether the payment still waits for the PG's first answer although nobody wants the hold any more.
pub(super) fn is_too_old(payment: &Payment, context: &Context<'_>) -> bool {
    payment.status == Status::Ready
        && payment.cancel.is_none()
        && context.now.since(payment.created_at) >= context.rules.authorize_max_age
}

/// Whether the hold of a payment that could still be captured has ended.
pub(super) fn hold_has_ended(payment: &Payment, context: &Context<'_>) -> bool {
    payment.hold_expiry().is_some_and(|end| end <= context.now)
}
