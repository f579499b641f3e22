//! An operation: one authorize, capture, void or refund of one payment at the PG.
//!
//! Owns what is known of it: its attempt, how often the PG refused it, and how far it came. What may happen next
//! is [`crate::decide`]'s.

use serde::{Deserialize, Serialize};

use crate::ids::{Attempt, OperationNo, PaymentId};
use crate::money::Amount;
use crate::text::Reason;
use crate::time::Timestamp;

/// What an operation does at the PG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Hold the money.
    Authorize,
    /// Take held money.
    Capture,
    /// Release the hold.
    Void,
    /// Give captured money back.
    Refund,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Authorize, Self::Capture, Self::Void, Self::Refund];

    /// The name in PG keys, paths and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What the PG said about the current attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PgOutcome {
    /// Not known to have been asked.
    None,
    /// Done and recorded.
    Approved,
    /// Refused and recorded.
    Declined,
    /// Failed and recorded.
    Failed,
    /// Asked, without an answer that can be trusted.
    Unknown,
    /// The PG's record confirms another amount; an operator decides.
    Mismatch,
}

impl PgOutcome {
    /// The outcome's name on the outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Mismatch => "mismatch",
        }
    }
}

/// How far an operation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// The current attempt is committed; the PG is or will be asked.
    Attempting,
    /// The PG recorded a negative; the next attempt comes at this moment.
    Waiting(Timestamp),
    /// Out of tries; an operator replays or discards the open dead letter.
    DeadLettered,
    /// Closed: the PG recorded an approval (or, for a void, that there is no such hold).
    Approved,
    /// Closed: the authorization's negative.
    Declined,
    /// Closed: an operator discarded its dead letter.
    GivenUp,
    /// Closed: a cancel took its place.
    Superseded,
}

impl Progress {
    /// Whether the operation may still change money.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Attempting | Self::Waiting(_) | Self::DeadLettered => true,
            Self::Approved | Self::Declined | Self::GivenUp | Self::Superseded => false,
        }
    }

    /// The progress as a request row and a refund's status show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attempting | Self::Waiting(_) | Self::DeadLettered => "open",
            Self::Approved => "approved",
            Self::Declined | Self::Superseded => "failed",
            Self::GivenUp => "given-up",
        }
    }
}

/// An answer of the PG that contradicts how an attempt had ended. It never changes a state; an operator hears of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The attempt it answers.
    pub attempt: Attempt,
    /// The answer in words.
    pub answer: Box<str>,
    /// Whether an operator has discarded its dead letter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acknowledged: bool,
}

/// One operation of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number within the payment.
    pub no: OperationNo,
    /// What it does.
    pub kind: OperationKind,
    /// How much it moves; for a void, the hold's amount.
    pub amount: Amount,
    /// The current attempt; rises only after the PG recorded a negative for it.
    pub attempt: Attempt,
    /// Negatives the PG recorded since the start or the last replay.
    pub negatives: u32,
    /// What the PG said about the current attempt.
    pub outcome: PgOutcome,
    /// How far it came.
    pub progress: Progress,
    /// When it was accepted.
    pub requested_at: Timestamp,
    /// When the current attempt was committed.
    pub attempted_at: Timestamp,
    /// When the PG last gave a recorded answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// Why, for refunds and voids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The amount as the client sent it; absent means "all of it". Refunds without a key are recognised by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_as_sent: Option<Amount>,
    /// A void that names the authorization's key, because the hold's transaction id is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_authorization_key: bool,
    /// The PG's transaction of the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<Box<str>>,
    /// The PG's response code of the latest recorded answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_code: Option<Box<str>>,
    /// The PG's response message of the latest recorded answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_message: Option<Box<str>>,
    /// How often it was dead-lettered; the letter's id carries the count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dead_letters: u32,
    /// Answers that contradict how an attempt had ended, at most one per attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<Contradiction>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Operation {
    /// The operation at its first attempt.
    #[must_use]
    pub fn first_attempt(no: OperationNo, kind: OperationKind, amount: Amount, now: Timestamp) -> Self {
        Self {
            no,
            kind,
            amount,
            attempt: Attempt::FIRST,
            negatives: 0,
            outcome: PgOutcome::None,
            progress: Progress::Attempting,
            requested_at: now,
            attempted_at: now,
            answered_at: None,
            reason: None,
            amount_as_sent: None,
            by_authorization_key: false,
            transaction_id: None,
            response_code: None,
            response_message: None,
            dead_letters: 0,
            contradictions: Vec::new(),
        }
    }

    /// Whether it may still change money.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.progress.is_open()
    }

    /// The PG key of the current attempt.
    #[must_use]
    pub fn pg_key(&self, payment_id: PaymentId) -> PgKey {
        PgKey { payment_id, kind: self.kind, operation_no: self.no, attempt: self.attempt }
    }

    /// The id of the letter that the operation was last dead-lettered with.
    #[must_use]
    pub fn dead_letter_id(&self, payment_id: PaymentId) -> String {
        format!("{payment_id}-{}-{}", self.no, self.dead_letters)
    }

    /// The id of the letter about an answer that contradicts how `attempt` had ended.
    #[must_use]
    pub fn contradiction_letter_id(&self, payment_id: PaymentId, attempt: Attempt) -> String {
        format!("{payment_id}-{}-contradiction-{attempt}", self.no)
    }

    /// When the next attempt comes, if one is planned.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        match self.progress {
            Progress::Waiting(until) => Some(until),
            Progress::Attempting
            | Progress::DeadLettered
            | Progress::Approved
            | Progress::Declined
            | Progress::GivenUp
            | Progress::Superseded => None,
        }
    }
}

/// The idempotency key of one attempt at the PG: `{paymentId}:{operation}:{operationNo}:{attempt}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PgKey {
    /// The payment.
    pub payment_id: PaymentId,
    /// The operation's kind.
    pub kind: OperationKind,
    /// The operation's number.
    pub operation_no: OperationNo,
    /// The attempt.
    pub attempt: Attempt,
}

impl PgKey {
    /// Reads a key from its text; `None` when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let key = Self {
            payment_id: PaymentId::try_from(parts.next()?.parse::<u64>().ok()?).ok()?,
            kind: OperationKind::parse(parts.next()?)?,
            operation_no: OperationNo(parts.next()?.parse().ok()?),
            attempt: Attempt(parts.next()?.parse().ok()?),
        };
        parts.next().is_none().then_some(key)
    }
}

impl std::fmt::Display for PgKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}:{}", self.payment_id, self.kind.as_str(), self.operation_no, self.attempt)
    }
}
