//! The sheet a decision is written on.
//!
//! Owns the bookkeeping every command shares: versions, event numbers, timestamps, letters. Holds no rule of its
//! own except that a step must be an edge of the state machine.

use crate::cause::Cause;
use crate::command::Context;
use crate::dead_letter::{DeadLetter, LetterChange, LetterError, LetterStatus};
use crate::decide::{Decision, KeyedAnswer, Reply, Verdict};
use crate::effect::Effect;
use crate::event::{Event, EventKind, Failure};
use crate::ids::{EventId, OperationNo, Version};
use crate::operation::{Contradiction, Operation, OperationKind, Progress};
use crate::payment::Payment;
use crate::representation::AnswerKind;
use crate::status::Status;
use crate::text::IdempotencyKey;
use crate::transition::Transition;

/// A decision being written.
pub(super) struct Draft<'a> {
    pub(super) payment: Payment,
    pub(super) context: &'a Context<'a>,
    expected: Version,
    transitions: Vec<Transition>,
    events: Vec<Event>,
    letters: Vec<LetterChange>,
    answers: Vec<KeyedAnswer>,
    effects: Vec<Effect>,
    reply: Reply,
}

impl<'a> Draft<'a> {
    /// A change of an existing payment.
    pub(super) fn of(payment: &Payment, context: &'a Context<'a>) -> Self {
        Self::from(payment.clone(), context)
    }

    /// A change that starts from `payment` as it is given.
    pub(super) fn from(payment: Payment, context: &'a Context<'a>) -> Self {
        Self {
            expected: payment.version,
            payment,
            context,
            transitions: Vec::new(),
            events: Vec::new(),
            letters: Vec::new(),
            answers: Vec::new(),
            effects: Vec::new(),
            reply: Reply::Nothing,
        }
    }

    /// Records the next step: to another state, or to the same one for an outcome or an intent.
    pub(super) fn step(&mut self, to: Status, operation_no: OperationNo, cause: Cause) {
        let from = self.payment.status;
        assert!(from.may_become(to), "{from} to {to} is no edge of the state machine");
        self.record(Some(from), to, operation_no, cause);
    }

    /// Records a step that leaves the state alone.
    pub(super) fn note(&mut self, operation_no: OperationNo, cause: Cause) {
        self.step(self.payment.status, operation_no, cause);
    }

    /// Records the first step of all.
    pub(super) fn begin(&mut self, cause: Cause) {
        self.record(None, self.payment.status, OperationNo::AUTHORIZATION, cause);
    }

    fn record(&mut self, from: Option<Status>, to: Status, operation_no: OperationNo, cause: Cause) {
        self.payment.version = self.payment.version.next();
        self.payment.status = to;
        self.payment.updated_at = self.context.now;
        let attempt = self.operation(operation_no).attempt;
        self.transitions.push(Transition {
            version: self.payment.version,
            from,
            to,
            cause,
            at: self.context.now,
            trace_id: self.context.trace_id,
            operation_no,
            attempt,
        });
    }

    /// The operation with this number, which the caller has seen to exist.
    pub(super) fn operation(&mut self, no: OperationNo) -> &mut Operation {
        let found = self.payment.operations.iter_mut().find(|operation| operation.no == no);
        found.expect("callers name operations of this payment")
    }

    /// Adds an operation at its first attempt and returns its number.
    pub(super) fn start_operation(
        &mut self,
        kind: OperationKind,
        amount: crate::money::Amount,
    ) -> OperationNo {
        let no = self.payment.latest_operation().no.next();
        self.payment.operations.push(Operation::first_attempt(no, kind, amount, self.context.now));
        no
    }

    /// Adds a fact about an operation, true as of the latest step.
    pub(super) fn tell(&mut self, operation_no: OperationNo, kind: EventKind) {
        self.payment.last_event_seq += 1;
        let seq = self.payment.last_event_seq;
        self.events.push(Event {
            event_id: EventId::of(self.payment.id, seq),
            event_seq: seq,
            payment_id: self.payment.id,
            merchant_id: self.payment.merchant_id.clone(),
            version: self.payment.version,
            operation_no,
            status: self.payment.status,
            amount: self.payment.amount,
            currency: self.payment.currency,
            occurred_at: self.context.now,
            kind,
        });
    }

    /// Adds the fact that an operation's attempt failed, or that the operation was given up.
    pub(super) fn tell_failure(&mut self, operation_no: OperationNo, reason_code: Box<str>) {
        let operation = self.operation(operation_no);
        let next_attempt_at = operation.next_attempt_at();
        let failure = Failure {
            attempt: operation.attempt,
            reason_code,
            will_retry: next_attempt_at.is_some(),
            next_attempt_at,
        };
        let kind = match operation.kind {
            OperationKind::Authorize => EventKind::PaymentAuthorizationFailed(failure),
            OperationKind::Capture => EventKind::PaymentCaptureFailed(failure),
            OperationKind::Refund => EventKind::PaymentRefundFailed(failure),
            OperationKind::Void => EventKind::PaymentCancelFailed(failure),
        };
        self.tell(operation_no, kind);
    }

    /// Dead-letters an operation.
    pub(super) fn open_letter(&mut self, operation_no: OperationNo, error: LetterError) {
        let operation = self.operation(operation_no);
        operation.progress = Progress::DeadLettered;
        operation.dead_letters += 1;
        let operation = operation.clone();
        let letter = DeadLetter::of_operation(&self.payment, &operation, error, self.context.now);
        self.letters.push(LetterChange::Open(letter));
    }

    /// Stores an answer that contradicts how an attempt had ended, and dead-letters it; the operation stays as it is.
    pub(super) fn contradict(&mut self, operation_no: OperationNo, contradiction: &Contradiction) {
        let operation = self.operation(operation_no);
        operation.contradictions.push(contradiction.clone());
        let operation = operation.clone();
        let letter = DeadLetter::of_contradiction(&self.payment, &operation, contradiction, self.context.now);
        self.letters.push(LetterChange::Open(letter));
    }

    /// Closes an operation's letter, if it has an open one.
    pub(super) fn close_letter(&mut self, operation_no: OperationNo, status: LetterStatus, reason: &str) {
        let payment_id = self.payment.id;
        let operation = self.operation(operation_no);
        if operation.progress == Progress::DeadLettered {
            let id = operation.dead_letter_id(payment_id);
            self.close_letter_with_id(id, status, reason);
        }
    }

    /// Closes a letter that the caller has seen to be open.
    pub(super) fn close_letter_with_id(&mut self, id: String, status: LetterStatus, reason: &str) {
        let at = self.context.now;
        self.letters.push(LetterChange::Close { id, status, reason: reason.to_owned(), at });
    }

    /// Has an answer stored under a key.
    pub(super) fn store_answer(&mut self, key: &IdempotencyKey, kind: AnswerKind) {
        self.answers.push(KeyedAnswer { key: key.clone(), kind });
    }

    /// Has something done after the commit.
    pub(super) fn then(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Says what the caller hears.
    pub(super) fn reply(&mut self, reply: Reply) {
        self.reply = reply;
    }

    /// The finished decision.
    pub(super) fn finish(self) -> Decision {
        Decision {
            payment: self.payment,
            expected: self.expected,
            transitions: self.transitions,
            events: self.events,
            letters: self.letters,
            answers: self.answers,
            effects: self.effects,
            reply: self.reply,
        }
    }

    /// The finished decision as a verdict.
    pub(super) fn commit(self) -> Verdict {
        Verdict::Commit(Box::new(self.finish()))
    }
}
