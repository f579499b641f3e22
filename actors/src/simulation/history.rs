//! What merchants and operators asked, and what they heard.
//!
//! Owns the record that the auditor holds against tables, topics and the PG's books. Never judges.

use payment_schema::command::{Authorize, Cancel, Capture, Refund};
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::text::IdempotencyKey;

use crate::api::{LetterOutcome, Outcome, Refusal};

/// What a merchant asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    Authorize(Authorize),
    Capture(PaymentId, Capture),
    Refund(PaymentId, Refund),
    Cancel(PaymentId, Cancel),
}

impl Wish {
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Authorize(_) => "authorize",
            Self::Capture(..) => "capture",
            Self::Refund(..) => "refund",
            Self::Cancel(..) => "cancel",
        }
    }
}

/// One request of a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) merchant_id: MerchantId,
    pub(super) key: Option<IdempotencyKey>,
    pub(super) wish: Wish,
}

/// What a merchant heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Answer(Outcome),
    Refusal(Refusal),
    /// The process died, or the merchant went away.
    Nothing,
}

/// What an operator did to a letter or an operation. Every act has a reason of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActKind {
    Replay,
    Discard,
    Resolve,
}

/// One act of an operator on something durable.
#[derive(Debug, Clone)]
pub(super) struct OperatorAct {
    pub(super) kind: ActKind,
    /// The letter's id, or the payment's for a resolution.
    pub(super) target: String,
    pub(super) reason: String,
    /// `None` when the process died.
    pub(super) heard: Option<Result<Option<LetterOutcome>, Refusal>>,
}

/// Everything that was asked and heard in one run.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) requests: Vec<(Request, Heard)>,
    pub(super) acts: Vec<OperatorAct>,
}
