//! The next try of an operation whose latest attempt was refused.

use crate::cause::{Cause, CauseKind};
use crate::command::Context;
use crate::decide::draft::Draft;
use crate::decide::{Verdict, age};
use crate::effect::Effect;
use crate::ids::OperationNo;
use crate::operation::{OperationKind, PgOutcome, Progress};
use crate::payment::Payment;
use crate::status::Status;

pub(super) fn decide(payment: &Payment, no: OperationNo, context: &Context<'_>) -> Verdict {
    let Some(Progress::Waiting(until)) = payment.operation(no).map(|operation| operation.progress) else {
        return Verdict::Unchanged(Vec::new());
    };
    if until > context.now {
        return Verdict::Unchanged(vec![Effect::RetryAt(no, until)]);
    }
    if age::hold_has_ended(payment, context) {
        return age::decide(payment, context);
    }
    let mut draft = Draft::of(payment, context);
    next_attempt(&mut draft, no, Cause::new(CauseKind::Retry, "next try"));
    draft.commit()
}

/// Takes the next attempt: a new key, which the PG may see only because it recorded a negative for the last one.
pub(super) fn next_attempt(draft: &mut Draft<'_>, no: OperationNo, cause: Cause) {
    let now = draft.context.now;
    let operation = draft.operation(no);
    operation.attempt = operation.attempt.next();
    operation.attempted_at = now;
    operation.outcome = PgOutcome::None;
    operation.progress = Progress::Attempting;
    let requested = match operation.kind {
        OperationKind::Capture => Status::CaptureRequested,
        OperationKind::Refund => Status::RefundRequested,
        OperationKind::Void | OperationKind::Authorize => draft.payment.status,
    };
    draft.step(requested, no, cause);
    draft.then(Effect::Send(no));
}
