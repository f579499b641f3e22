//! The rules of money: what a command does to a payment.
//!
//! Owns the whole state machine as pure functions. Never does I/O and never knows actors: time, jitter and
//! settings are arguments, and what must be done afterwards comes back as [`Effect`] values.
//!
//! One file per command; [`draft`] is the sheet they write their decision on.

mod age;
mod authorize;
mod cancel;
mod capture;
mod draft;
mod late;
mod letter;
mod refund;
mod report;
mod resolve;
mod retry;

use crate::command::{Command, Context};
use crate::dead_letter::LetterChange;
use crate::effect::Effect;
use crate::event::Event;
use crate::ids::Version;
use crate::payment::Payment;
use crate::problem::{ProblemCode, Rejection};
use crate::representation::AnswerKind;
use crate::status::Status;
use crate::text::IdempotencyKey;
use crate::transition::Transition;

pub use authorize::accept as accept_authorization;

/// An answer to be rendered from the decided payment and stored under a key in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedAnswer {
    /// The key.
    pub key: IdempotencyKey,
    /// The answer.
    pub kind: AnswerKind,
}

/// A change to a payment: all of it commits, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The payment afterwards.
    pub payment: Payment,
    /// The version it was decided on; the append is refused when the store is elsewhere.
    pub expected: Version,
    /// The steps, at least one unless only a contradicting answer is recorded or acknowledged.
    pub transitions: Vec<Transition>,
    /// The facts to publish, in order.
    pub events: Vec<Event>,
    /// Dead letters opened and closed.
    pub letters: Vec<LetterChange>,
    /// Answers to store.
    pub answers: Vec<KeyedAnswer>,
    /// What to do after the commit.
    pub effects: Vec<Effect>,
    /// What the caller of the command hears once it is committed.
    pub reply: Reply,
}

/// What the caller of a command hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// This answer, at once.
    Now(AnswerKind),
    /// The authorization's answer, when there is one ([`authorization_answer`]).
    WhenAuthorizationEnds,
    /// The cancel's answer, when there is one ([`cancel_answer`]).
    WhenCancelEnds,
    /// Nobody waits for words.
    Nothing,
}

/// What a command does.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Something changes.
    Commit(Box<Decision>),
    /// Nothing changes: the command repeats one that was accepted. The caller hears the present state, or waits.
    Repeat(Reply),
    /// Nothing changes: the command came too late, or finds nothing to do. The effects are still due.
    Unchanged(Vec<Effect>),
}

/// Decides what `command` does to `payment`.
///
/// # Errors
/// When the rules forbid the command; nothing changes then.
pub fn decide(payment: &Payment, command: &Command, context: &Context<'_>) -> Result<Verdict, Rejection> {
    match command {
        Command::Capture(capture) => capture::decide(payment, capture, context),
        Command::Refund(refund) => refund::decide(payment, refund, context),
        Command::Cancel(cancel) => cancel::decide(payment, cancel, context),
        Command::PgReport { operation_no, attempt, report } => {
            Ok(report::decide(payment, *operation_no, *attempt, report, context))
        }
        Command::RetryDue { operation_no } => Ok(retry::decide(payment, *operation_no, context)),
        Command::CheckAge => Ok(age::decide(payment, context)),
        Command::ReplayLetter { letter_id, reason } => letter::replay(payment, letter_id, reason, context),
        Command::DiscardLetter { letter_id, reason } => letter::discard(payment, letter_id, reason, context),
        Command::Resolve { operation_no, outcome, pg_transaction_id, reason } => {
            resolve::decide(payment, *operation_no, *outcome, pg_transaction_id.as_deref(), reason, context)
        }
    }
}

/// What brings a payment's open operations forward when nobody works on them: after a crash, a lost message or
/// the end of a lease. Questions come before requests, because an earlier request may have been heard.
#[must_use]
pub fn resume(payment: &Payment) -> Vec<Effect> {
    use crate::operation::Progress;
    payment
        .open_operations()
        .filter_map(|operation| match operation.progress {
            Progress::Attempting => Some(Effect::Query(operation.no)),
            Progress::Waiting(until) => Some(Effect::RetryAt(operation.no, until)),
            Progress::DeadLettered
            | Progress::Approved
            | Progress::Declined
            | Progress::GivenUp
            | Progress::Superseded => None,
        })
        .collect()
}

/// The answer to the payment's authorization, once there is one.
#[must_use]
pub fn authorization_answer(payment: &Payment) -> Option<AnswerKind> {
    let cancel_came_first = payment.cancel.as_ref().is_some_and(|cancel| cancel.while_ready);
    match payment.status {
        Status::Ready => None,
        Status::AuthFailed => Some(AnswerKind::Declined),
        Status::Cancelled if cancel_came_first => Some(AnswerKind::AuthorizationCancelled),
        // The merchant asked for the end before the PG answered: a 200 here would be read as held money.
        Status::Authorized if cancel_came_first => None,
        Status::Authorized
        | Status::CaptureRequested
        | Status::Captured
        | Status::CaptureFailed
        | Status::RefundRequested
        | Status::Refunded
        | Status::PartialRefunded
        | Status::RefundFailed
        | Status::Cancelled => Some(AnswerKind::Authorized),
    }
}

/// The answer to a cancel of the payment, once there is one; an error when the cancel came to nothing.
///
/// # Errors
/// When the payment can no longer become CANCELLED through the request.
pub fn cancel_answer(payment: &Payment) -> Result<Option<AnswerKind>, Rejection> {
    match payment.status {
        Status::Cancelled => Ok(Some(AnswerKind::Cancelled)),
        Status::Ready | Status::Authorized | Status::CaptureFailed if payment.cancel.is_some() => Ok(None),
        Status::Ready
        | Status::Authorized
        | Status::AuthFailed
        | Status::CaptureRequested
        | Status::Captured
        | Status::CaptureFailed
        | Status::RefundRequested
        | Status::Refunded
        | Status::PartialRefunded
        | Status::RefundFailed => Err(reject(
            payment,
            ProblemCode::CancelConflict,
            format!("the payment is {} and was not cancelled", payment.status),
        )),
    }
}

fn reject(payment: &Payment, code: ProblemCode, detail: String) -> Rejection {
    Rejection { code, detail, payment_id: Some(payment.id) }
}
