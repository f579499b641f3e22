//! Facts about a payment that the world is told.
//!
//! Owns their fields and JSON form; each type has a JSON Schema in `schema/events/`. Never publishes anything:
//! events are committed with their transition and published afterwards by the outbox.

use serde::Serialize;

use crate::currency::Currency;
use crate::ids::{EventId, MerchantId, OperationNo, PaymentId, Version};
use crate::money::{Amount, Minor};
use crate::status::Status;
use crate::text::Reason;
use crate::time::Timestamp;
use crate::topic::Topic;

/// The version of the events' JSON form; travels in the header `schemaVersion`.
pub const SCHEMA_VERSION: &str = "1";

/// One fact about a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The same whenever the event is published again.
    pub event_id: EventId,
    /// Its place among the payment's events, gapless from 1.
    pub event_seq: u64,
    /// The payment.
    pub payment_id: PaymentId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// The payment's version that the event belongs to.
    pub version: Version,
    /// The operation it concerns.
    pub operation_no: OperationNo,
    /// The state after it.
    pub status: Status,
    /// The authorized amount.
    pub amount: Amount,
    /// The payment's currency.
    pub currency: Currency,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened, with the fields of that event type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "eventType", rename_all_fields = "camelCase", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// A hold was approved.
    PaymentAuthorized {
        /// The PG's approval number.
        approval_number: Option<Box<str>>,
        /// The PG's transaction id of the hold.
        transaction_id: Option<Box<str>>,
    },
    /// A capture was accepted.
    PaymentCaptureRequested {
        /// The PG's approval number of the hold.
        approval_number: Option<Box<str>>,
        /// The PG's transaction id of the hold.
        transaction_id: Option<Box<str>>,
        /// How much is captured.
        capture_amount: Amount,
    },
    /// Money was captured.
    PaymentCaptured {
        /// How much.
        captured_amount: Amount,
        /// The PG's transaction id of the capture.
        pg_transaction_id: Option<Box<str>>,
    },
    /// A refund was accepted.
    PaymentRefundRequested {
        /// The refund.
        refund_id: String,
        /// How much is refunded.
        refund_amount: Amount,
        /// Why.
        reason: Reason,
    },
    /// Money was refunded.
    PaymentRefunded {
        /// The refund.
        refund_id: String,
        /// How much.
        refund_amount: Amount,
        /// All that was refunded so far.
        refunded_total: Minor,
    },
    /// The payment ended without a capture.
    PaymentCancelled {
        /// Why.
        reason: Reason,
    },
    /// A negative for an authorization.
    PaymentAuthorizationFailed(Failure),
    /// A negative for a capture, or a capture given up.
    PaymentCaptureFailed(Failure),
    /// A negative for a refund, or a refund given up.
    PaymentRefundFailed(Failure),
    /// A negative for a void, or a void given up.
    PaymentCancelFailed(Failure),
}

/// A negative that the PG recorded, or an operation given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The attempt it concerns.
    pub attempt: crate::ids::Attempt,
    /// The PG's response code, or `GIVEN_UP`.
    pub reason_code: Box<str>,
    /// Whether another attempt follows by itself.
    pub will_retry: bool,
    /// When, if so.
    pub next_attempt_at: Option<Timestamp>,
}

impl EventKind {
    /// The topic of this event type.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        match self {
            Self::PaymentAuthorized { .. } => Topic::Authorized,
            Self::PaymentCaptureRequested { .. } => Topic::CaptureRequested,
            Self::PaymentCaptured { .. } => Topic::Captured,
            Self::PaymentRefundRequested { .. } => Topic::RefundRequested,
            Self::PaymentRefunded { .. } => Topic::Refunded,
            Self::PaymentCancelled { .. } => Topic::Cancelled,
            Self::PaymentAuthorizationFailed(_) => Topic::AuthorizationFailed,
            Self::PaymentCaptureFailed(_) => Topic::CaptureFailed,
            Self::PaymentRefundFailed(_) => Topic::RefundFailed,
            Self::PaymentCancelFailed(_) => Topic::CancelFailed,
        }
    }
}

impl Event {
    /// The record's value.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an event holds nothing that JSON cannot")
    }
}
