//! Dead letters: operations and records that need an operator.
//!
//! Owns the row and the JSON that is published about it. The payment stays in its `*_FAILED` state; what replay
//! and discard do to it is [`crate::decide`]'s.

use serde_json::{Value, json};

use crate::ids::{OperationNo, PaymentId};
use crate::operation::{Contradiction, Operation, OperationKind};
use crate::payment::Payment;
use crate::time::Timestamp;
use crate::topic::Topic;

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LetterStatus {
    /// Waits for an operator.
    Open,
    /// An operator had the operation tried again.
    Replayed,
    /// An operator gave the operation up.
    Discarded,
    /// A cancel or an operator's resolution took its place.
    Superseded,
}

impl LetterStatus {
    /// The status's name on the outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::Superseded => "superseded",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Open, Self::Replayed, Self::Discarded, Self::Superseded]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// Why an operation was dead-lettered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetterError {
    /// The PG recorded as many negatives as are allowed.
    TriesExhausted,
    /// The PG said never again.
    NotRetryable,
    /// The PG's record confirms another amount.
    AmountMismatch,
    /// The PG answered differently from how the operation had been closed.
    ContradictingAnswer,
}

impl LetterError {
    /// The `errorType` on the outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TriesExhausted => "TRIES_EXHAUSTED",
            Self::NotRetryable => "NOT_RETRYABLE",
            Self::AmountMismatch => "AMOUNT_MISMATCH",
            Self::ContradictingAnswer => "CONTRADICTING_ANSWER",
        }
    }
}

/// One dead letter.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// `{paymentId}-{operationNo}-{n}` for operations, `{paymentId}-{operationNo}-contradiction-{attempt}` for
    /// answers that came too late, `{topic}-{partition}-{offset}` for records.
    pub id: String,
    /// Where it is published.
    pub topic: Topic,
    /// The payment, where it is known.
    pub payment_id: Option<PaymentId>,
    /// The operation, where it concerns one.
    pub operation: Option<(OperationNo, OperationKind)>,
    /// The `errorType`.
    pub error_type: String,
    /// What became of it.
    pub status: LetterStatus,
    /// The published value.
    pub body: Value,
    /// When it was written.
    pub created_at: Timestamp,
    /// When an operator or a cancel closed it.
    pub closed_at: Option<Timestamp>,
    /// The operator's reason for closing it.
    pub closed_reason: Option<String>,
}

/// A change to the dead letters that commits with a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum LetterChange {
    /// A new letter.
    Open(DeadLetter),
    /// An open letter is closed.
    Close {
        /// The letter.
        id: String,
        /// What became of it; never [`LetterStatus::Open`].
        status: LetterStatus,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
}

impl DeadLetter {
    /// The letter of an operation's current state; the operation's letter count is already raised.
    #[must_use]
    pub fn of_operation(
        payment: &Payment,
        operation: &Operation,
        error: LetterError,
        now: Timestamp,
    ) -> Self {
        let id = operation.dead_letter_id(payment.id);
        Self::new(payment, operation, id, error, &error_message(operation, error), now)
    }

    /// The letter about an answer that contradicts how an attempt of the operation had ended.
    #[must_use]
    pub fn of_contradiction(
        payment: &Payment,
        operation: &Operation,
        contradiction: &Contradiction,
        now: Timestamp,
    ) -> Self {
        let id = operation.contradiction_letter_id(payment.id, contradiction.attempt);
        let error = LetterError::ContradictingAnswer;
        let message = format!(
            "{}: attempt {} is {}",
            error_message(operation, error),
            contradiction.attempt,
            contradiction.answer
        );
        Self::new(payment, operation, id, error, &message, now)
    }

    fn new(
        payment: &Payment,
        operation: &Operation,
        id: String,
        error: LetterError,
        message: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            topic: Topic::dead_letters_of(operation.kind),
            payment_id: Some(payment.id),
            operation: Some((operation.no, operation.kind)),
            error_type: error.as_str().to_owned(),
            status: LetterStatus::Open,
            body: published(payment, operation, error, message, now),
            created_at: now,
            closed_at: None,
            closed_reason: None,
        }
    }
}

fn published(
    payment: &Payment,
    operation: &Operation,
    error: LetterError,
    message: &str,
    now: Timestamp,
) -> Value {
    let request_id = format!("{}-{}", payment.id, operation.no);
    let mut body = json!({
        "paymentId": payment.id,
        "operation": operation.kind,
        "operationNo": operation.no,
        "retryCount": operation.negatives,
        "status": payment.status,
        "pgResponseCode": operation.response_code,
        "pgResponseMessage": operation.response_message,
        "errorType": error.as_str(),
        "errorMessage": message,
        "requestedAt": operation.requested_at,
        "lastRetryAt": operation.attempted_at,
        "timestamp": now,
    });
    let fields = body.as_object_mut().expect("built as an object above");
    match operation.kind {
        OperationKind::Refund | OperationKind::Void => {
            fields.insert("refundRequestId".to_owned(), json!(request_id));
            fields.insert("refundAmount".to_owned(), json!(operation.amount));
            fields.insert("refundReason".to_owned(), json!(operation.reason));
        }
        OperationKind::Authorize | OperationKind::Capture => {
            fields.insert("settlementRequestId".to_owned(), json!(request_id));
            fields.insert("requestAmount".to_owned(), json!(operation.amount));
        }
    }
    body
}

fn error_message(operation: &Operation, error: LetterError) -> String {
    let kind = operation.kind.as_str();
    match error {
        LetterError::TriesExhausted => {
            format!("the pg recorded {} negatives for this {kind}", operation.negatives)
        }
        LetterError::NotRetryable => format!("the pg refused this {kind} for good"),
        LetterError::AmountMismatch => format!("the pg's record of this {kind} has another amount"),
        LetterError::ContradictingAnswer => format!("the pg's answer contradicts how this {kind} was closed"),
    }
}
