//! What the PG's words do to a payment.
//!
//! A report applies only if its operation is open and its attempt is current. Only a recorded answer ends an
//! attempt; an unknown one is asked about, and a request goes again only under the same key.

use crate::cause::{Cause, CauseKind};
use crate::command::Context;
use crate::dead_letter::{LetterError, LetterStatus};
use crate::decide::draft::Draft;
use crate::decide::{Verdict, age, authorization_answer, cancel, capture, late};
use crate::effect::Effect;
use crate::event::EventKind;
use crate::ids::{Attempt, OperationNo};
use crate::operation::{Operation, OperationKind, PgOutcome, Progress};
use crate::payment::{CaptureMode, Payment};
use crate::pg::{Approval, Finding, NO_SUCH_HOLD, Negative, Report, Source};
use crate::representation::AnswerKind;
use crate::status::Status;

pub(super) fn decide(
    payment: &Payment,
    no: OperationNo,
    attempt: Attempt,
    report: &Report,
    context: &Context<'_>,
) -> Verdict {
    let Some(operation) = payment.operation(no) else {
        return Verdict::Unchanged(Vec::new());
    };
    if operation.attempt != attempt || operation.progress != Progress::Attempting {
        return late::decide(payment, operation, attempt, &report.finding, context);
    }
    match &report.finding {
        Finding::Approved(approval) => {
            let mut draft = Draft::of(payment, context);
            approve(&mut draft, no, approval, cause(report, "approved"));
            draft.commit()
        }
        Finding::Negative(negative) => {
            let mut draft = Draft::of(payment, context);
            refuse(&mut draft, no, negative, cause(report, &in_words(negative)));
            draft.commit()
        }
        Finding::Mismatch => mismatch(payment, no, report, context),
        Finding::Unknown(why) => unknown(payment, operation, report, why, context),
        Finding::Processing => Verdict::Unchanged(vec![Effect::QueryLater(no)]),
        Finding::NotSeen => not_seen(payment, operation, report, context),
        Finding::Unsent(_) => unsent(payment, operation, report, context),
    }
}

pub(super) fn cause(report: &Report, words: &str) -> Cause {
    let kind = match report.source {
        Source::Answer => CauseKind::PgAnswer,
        Source::Query => CauseKind::PgQuery,
        Source::Operator => CauseKind::Operator,
    };
    Cause::new(kind, words)
}

fn in_words(negative: &Negative) -> String {
    format!("{}: {}", if negative.failed { "failed" } else { "declined" }, negative.code)
}

/// Applies a recorded approval.
pub(super) fn approve(draft: &mut Draft<'_>, no: OperationNo, approval: &Approval, cause: Cause) {
    let now = draft.context.now;
    let operation = draft.operation(no);
    operation.outcome = PgOutcome::Approved;
    operation.progress = Progress::Approved;
    operation.answered_at = Some(now);
    operation.transaction_id.clone_from(&approval.transaction_id);
    match operation.kind {
        OperationKind::Authorize => authorized(draft, approval, cause),
        OperationKind::Capture => captured(draft, no, cause),
        OperationKind::Refund => refunded(draft, no, cause),
        OperationKind::Void => cancelled(draft, no, cause),
    }
}

fn authorized(draft: &mut Draft<'_>, approval: &Approval, cause: Cause) {
    let no = OperationNo::AUTHORIZATION;
    let end = approval.expires_at.unwrap_or_else(|| draft.context.now.plus(draft.context.rules.hold_expiry));
    draft.payment.authorization_expires_at = Some(end);
    draft.payment.approval_number.clone_from(&approval.approval_number);
    draft.payment.hold_transaction_id.clone_from(&approval.transaction_id);
    draft.step(Status::Authorized, no, cause);
    let approval_number = approval.approval_number.clone();
    let transaction_id = approval.transaction_id.clone();
    draft.tell(no, EventKind::PaymentAuthorized { approval_number, transaction_id });
    if draft.payment.cancel.is_some() {
        // A void by authorization key that is already under way will find the hold; a second would not.
        if draft.payment.open_operations().next().is_none() {
            cancel::start_void(draft, Cause::new(CauseKind::Api, "cancel"));
        }
    } else if draft.payment.capture_mode == CaptureMode::Automatic {
        let amount = draft.payment.amount;
        capture::start(draft, amount, Cause::new(CauseKind::Api, "automatic capture"));
    }
    answer_authorization(draft);
}

/// Stores the authorization's answer as soon as there is one.
pub(super) fn answer_authorization(draft: &mut Draft<'_>) {
    if let Some(kind) = authorization_answer(&draft.payment) {
        let key = draft.payment.authorization_key.clone();
        draft.store_answer(&key, kind);
    }
}

fn captured(draft: &mut Draft<'_>, no: OperationNo, cause: Cause) {
    let operation = draft.operation(no);
    let (amount, transaction) = (operation.amount, operation.transaction_id.clone());
    draft.payment.captured = amount.into();
    draft.step(Status::Captured, no, cause);
    draft.tell(no, EventKind::PaymentCaptured { captured_amount: amount, pg_transaction_id: transaction });
}

fn refunded(draft: &mut Draft<'_>, no: OperationNo, cause: Cause) {
    let amount = draft.operation(no).amount;
    draft.payment.refunded = draft.payment.refunded.plus(amount);
    let all = draft.payment.refunded == draft.payment.captured;
    draft.step(if all { Status::Refunded } else { Status::PartialRefunded }, no, cause);
    let refund_id = draft.payment.refund_id(no);
    let refunded_total = draft.payment.refunded;
    draft.tell(no, EventKind::PaymentRefunded { refund_id, refund_amount: amount, refunded_total });
}

fn cancelled(draft: &mut Draft<'_>, no: OperationNo, cause: Cause) {
    if draft.operation(OperationNo::AUTHORIZATION).is_open() {
        draft.close_letter(OperationNo::AUTHORIZATION, LetterStatus::Superseded, "the payment was cancelled");
        draft.operation(OperationNo::AUTHORIZATION).progress = Progress::Superseded;
    }
    draft.step(Status::Cancelled, no, cause);
    let intent = draft.payment.cancel.clone().expect("a void starts with an intent");
    draft.tell(no, EventKind::PaymentCancelled { reason: intent.reason });
    for key in &intent.keys {
        draft.store_answer(key, AnswerKind::Cancelled);
    }
    if intent.while_ready {
        answer_authorization(draft);
    }
}

/// Applies a recorded decline or failure.
pub(super) fn refuse(draft: &mut Draft<'_>, no: OperationNo, negative: &Negative, cause: Cause) {
    let now = draft.context.now;
    let operation = draft.operation(no);
    operation.answered_at = Some(now);
    operation.response_code = Some(negative.code.clone());
    operation.response_message.clone_from(&negative.message);
    operation.outcome = if negative.failed { PgOutcome::Failed } else { PgOutcome::Declined };
    operation.negatives += 1;
    match operation.kind {
        OperationKind::Authorize => declined(draft, negative, cause),
        OperationKind::Void if &*negative.code == NO_SUCH_HOLD && !negative.failed => {
            draft.operation(no).progress = Progress::Approved;
            cancelled(draft, no, cause);
        }
        OperationKind::Capture => try_failed(draft, no, negative, Status::CaptureFailed, cause),
        OperationKind::Refund => try_failed(draft, no, negative, Status::RefundFailed, cause),
        OperationKind::Void => {
            let unchanged = draft.payment.status;
            try_failed(draft, no, negative, unchanged, cause);
        }
    }
}

fn declined(draft: &mut Draft<'_>, negative: &Negative, cause: Cause) {
    let no = OperationNo::AUTHORIZATION;
    draft.operation(no).progress = Progress::Declined;
    let voids: Vec<_> = draft.payment.open_operations().map(|operation| operation.no).collect();
    for void in voids {
        // Nothing is held, so a void by authorization key has nothing left to do.
        draft.close_letter(void, LetterStatus::Superseded, "the authorization was declined");
        draft.operation(void).progress = Progress::Superseded;
    }
    draft.step(Status::AuthFailed, no, cause);
    draft.tell_failure(no, negative.code.clone());
    answer_authorization(draft);
}

fn try_failed(draft: &mut Draft<'_>, no: OperationNo, negative: &Negative, state: Status, cause: Cause) {
    let (rules, now, jitter) = (draft.context.rules, draft.context.now, draft.context.jitter);
    let operation = draft.operation(no);
    let exhausted = operation.negatives >= rules.max_tries;
    if negative.retryable && !exhausted {
        let until = now.plus(rules.retry_delay(operation.negatives, jitter));
        operation.progress = Progress::Waiting(until);
        draft.then(Effect::RetryAt(no, until));
        draft.step(state, no, cause);
    } else {
        draft.step(state, no, cause);
        let error = if negative.retryable { LetterError::TriesExhausted } else { LetterError::NotRetryable };
        draft.open_letter(no, error);
    }
    draft.tell_failure(no, negative.code.clone());
}

fn mismatch(payment: &Payment, no: OperationNo, report: &Report, context: &Context<'_>) -> Verdict {
    let mut draft = Draft::of(payment, context);
    draft.operation(no).outcome = PgOutcome::Mismatch;
    draft.operation(no).answered_at = Some(context.now);
    draft.note(no, cause(report, "the pg's record has another amount"));
    draft.open_letter(no, LetterError::AmountMismatch);
    draft.commit()
}

fn unknown(
    payment: &Payment,
    operation: &Operation,
    report: &Report,
    why: &str,
    context: &Context<'_>,
) -> Verdict {
    if operation.outcome == PgOutcome::Unknown {
        return Verdict::Unchanged(vec![Effect::QueryLater(operation.no)]);
    }
    let mut draft = Draft::of(payment, context);
    draft.operation(operation.no).outcome = PgOutcome::Unknown;
    draft.note(operation.no, cause(report, &format!("unknown: {why}")));
    draft.then(Effect::QueryLater(operation.no));
    draft.commit()
}

/// The PG has never seen the key: the identical request may go (again), unless the payment is to end or the PG may
/// have forgotten the key.
fn not_seen(payment: &Payment, operation: &Operation, report: &Report, context: &Context<'_>) -> Verdict {
    if is_unwanted(payment, operation, context) {
        return end_without_hold(payment, report, context);
    }
    if context.now.since(operation.attempted_at) < context.rules.key_memory {
        return Verdict::Unchanged(vec![Effect::Send(operation.no)]);
    }
    unknown(payment, operation, report, "past the pg's memory of the key", context)
}

fn unsent(payment: &Payment, operation: &Operation, report: &Report, context: &Context<'_>) -> Verdict {
    // An earlier request under this key may have been heard, so only a question can tell then.
    if report.source != Source::Answer || operation.outcome != PgOutcome::None {
        return Verdict::Unchanged(vec![Effect::QueryLater(operation.no)]);
    }
    if is_unwanted(payment, operation, context) {
        return end_without_hold(payment, report, context);
    }
    Verdict::Unchanged(vec![Effect::SendLater(operation.no)])
}

/// Whether this is an authorization nobody wants any more: it must not be sent (again).
fn is_unwanted(payment: &Payment, operation: &Operation, context: &Context<'_>) -> bool {
    operation.kind == OperationKind::Authorize
        && (payment.cancel.is_some() || age::is_too_old(payment, context))
}

/// Voids by the authorization's key, so that the PG declines that key should the request still arrive
/// (ISO 8583 reversal advice). While such a void is open, the authorization is only watched.
fn end_without_hold(payment: &Payment, report: &Report, context: &Context<'_>) -> Verdict {
    if payment.open_operations().any(|open| open.kind == OperationKind::Void) {
        return Verdict::Unchanged(vec![Effect::QueryLater(OperationNo::AUTHORIZATION)]);
    }
    let mut draft = Draft::of(payment, context);
    if payment.cancel.is_none() {
        cancel::intend(&mut draft, age::reason(), None);
        draft.note(OperationNo::AUTHORIZATION, age::cause());
    }
    cancel::start_void(&mut draft, cause(report, "not seen by the pg: void by authorization key"));
    draft.commit()
}
