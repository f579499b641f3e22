//! What can be asked of a payment.
//!
//! Owns the commands after parsing: every value in them is valid by itself. Whether the payment can obey is
//! [`crate::decide`]'s.

use serde::Serialize;

use crate::currency::Currency;
use crate::ids::{Attempt, MerchantId, OperationNo, PaymentId, TraceId};
use crate::money::Amount;
use crate::payment::CaptureMode;
use crate::pg::Report;
use crate::rules::{Jitter, Rules};
use crate::text::{IdempotencyKey, Metadata, OrderId, Reason};
use crate::time::Timestamp;

/// Hold money: the start of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorize {
    /// Whose payment it becomes.
    pub merchant_id: MerchantId,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Who captures.
    pub capture_mode: CaptureMode,
    /// The merchant's order number.
    pub order_id: Option<OrderId>,
    /// The merchant's notes.
    pub metadata: Metadata,
}

/// Take held money, once; the rest is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capture {
    /// How much; absent means all of it.
    pub amount: Option<Amount>,
}

/// Give captured money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// How much; absent means all that is left.
    pub amount: Option<Amount>,
    /// Why.
    pub reason: Reason,
}

/// Release the hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// Why.
    pub reason: Reason,
}

/// An operator's word about an outcome the PG does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolvedOutcome {
    /// The PG did it.
    Approved,
    /// The PG refused it.
    Declined,
    /// The PG failed to do it.
    Failed,
}

/// What can be asked of an existing payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A client takes the money.
    Capture(Capture),
    /// A client gives money back.
    Refund(Refund),
    /// A client releases the hold.
    Cancel(Cancel),
    /// An exchange with the PG ended.
    PgReport {
        /// The operation that was asked about.
        operation_no: OperationNo,
        /// Its attempt at that time.
        attempt: Attempt,
        /// What was found out.
        report: Report,
    },
    /// The delay before the next attempt is over.
    RetryDue {
        /// The operation.
        operation_no: OperationNo,
    },
    /// Time has passed: a READY may be too old, a hold may have ended.
    CheckAge,
    /// An operator has a dead-lettered operation tried again.
    ReplayLetter {
        /// The letter.
        letter_id: String,
        /// Why.
        reason: String,
    },
    /// An operator gives a dead-lettered operation up.
    DiscardLetter {
        /// The letter.
        letter_id: String,
        /// Why.
        reason: String,
    },
    /// An operator settles an unknown or mismatching outcome.
    Resolve {
        /// The operation.
        operation_no: OperationNo,
        /// What happened at the PG.
        outcome: ResolvedOutcome,
        /// The PG's transaction, where there is one.
        pg_transaction_id: Option<Box<str>>,
        /// Why the operator is sure.
        reason: String,
    },
}

/// What a decision may know besides the payment and the command.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The settings of the rules.
    pub rules: &'a Rules,
    /// The present moment.
    pub now: Timestamp,
    /// A random share for delays.
    pub jitter: Jitter,
    /// The trace the command belongs to.
    pub trace_id: TraceId,
    /// The command's idempotency key.
    pub key: Option<&'a IdempotencyKey>,
}

/// A new payment's identity: what an authorization needs beside the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// The id, drawn from the merchant's slot.
    pub id: PaymentId,
    /// The authorization's key.
    pub key: IdempotencyKey,
}
