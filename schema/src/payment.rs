//! The payment: everything its actor remembers and its row keeps.
//!
//! Owns the aggregate and questions about it that need no rule. Changes only through [`crate::decide`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::ids::{MerchantId, OperationNo, PaymentId, Version};
use crate::money::{Amount, Minor};
use crate::operation::{Operation, OperationKind, Progress};
use crate::rules::Rules;
use crate::status::Status;
use crate::text::{IdempotencyKey, Metadata, OrderId, Reason};
use crate::time::Timestamp;

/// Whether the merchant captures, or the engine does as soon as the payment is authorized.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureMode {
    /// The merchant asks for the capture.
    #[default]
    Manual,
    /// Captured in full right after the authorization, in the same transaction.
    Automatic,
}

impl CaptureMode {
    /// The mode's name on the outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automatic => "automatic",
        }
    }
}

/// The decision to end a payment without a capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelIntent {
    /// Why: the client's reason, or `expired`.
    pub reason: Reason,
    /// It came before the PG answered the authorization, whose caller then hears how the cancel ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub while_ready: bool,
    /// Keys of cancel requests whose stored answer is written when the payment is cancelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IdempotencyKey>,
}

/// One payment as of its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id, which carries the merchant's slot.
    pub id: PaymentId,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// The authorized amount; never changes.
    pub amount: Amount,
    /// The one currency of all its movements.
    pub currency: Currency,
    /// Who starts the capture.
    pub capture_mode: CaptureMode,
    /// The merchant's order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The merchant's notes; shown by GET only.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Where it stands.
    pub status: Status,
    /// The number of its latest transition.
    pub version: Version,
    /// What was captured.
    pub captured: Minor,
    /// What was refunded.
    pub refunded: Minor,
    /// The `eventSeq` of its latest event; 0 before the first.
    pub last_event_seq: u64,
    /// Set while the hold is to be voided, and kept when it was; no capture is accepted any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<Box<CancelIntent>>,
    /// When the hold ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_expires_at: Option<Timestamp>,
    /// The PG's approval number of the authorization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_number: Option<Box<str>>,
    /// The PG's transaction id of the hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_transaction_id: Option<Box<str>>,
    /// Every operation in order of its number.
    pub operations: Vec<Operation>,
    /// The key of the authorization.
    pub authorization_key: IdempotencyKey,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Which worker looks after a payment when its moment comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueKind {
    /// An authorization waits for the PG.
    Authorization,
    /// A capture waits for the PG or for its next attempt.
    Settlement,
    /// A refund or void waits for the PG or for its next attempt.
    Refund,
    /// A hold ends.
    Expiry,
}

impl DueKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Authorization, Self::Settlement, Self::Refund, Self::Expiry];

    /// The name in the payment table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Settlement => "settlement",
            Self::Refund => "refund",
            Self::Expiry => "expiry",
        }
    }

    /// Who looks after operations of this kind.
    #[must_use]
    pub const fn of(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Authorize => Self::Authorization,
            OperationKind::Capture => Self::Settlement,
            OperationKind::Void | OperationKind::Refund => Self::Refund,
        }
    }
}

/// When somebody must look at a payment again, should everybody forget it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The moment.
    pub at: Timestamp,
    /// Who looks.
    pub kind: DueKind,
}

/// How much an answer of the gateway adds to a payment's JSON: its numbers, its moments and what they make of it.
const ROOM_FOR_AN_ANSWER: usize = 320;

impl Payment {
    /// The payment as a database whose rows should not grow keeps it: JSON, and while an answer of the gateway is awaited,
    /// room for it as white space, which JSON ignores (<https://www.rfc-editor.org/rfc/rfc8259#section-2>). Payments that
    /// were begun together are answered together, and if all rows of a page grew, a server that keeps rows in pages would
    /// split the page for each of them and log what it moved.
    ///
    /// # Panics
    /// Never: a payment holds nothing that JSON cannot.
    #[must_use]
    pub fn to_document_with_room(&self) -> String {
        let mut document = serde_json::to_string(self).expect("a payment holds nothing that JSON cannot");
        if self.open_operations().next().is_some() {
            document.extend(std::iter::repeat_n(' ', ROOM_FOR_AN_ANSWER));
        }
        document
    }

    /// The operation with this number.
    #[must_use]
    pub fn operation(&self, no: OperationNo) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.no == no)
    }

    /// Money was captured of it, whatever was refunded since. What was not captured has no movement in the ledger.
    #[must_use]
    pub fn was_captured(&self) -> bool {
        self.captured > Minor::ZERO
    }

    /// The latest operation; every payment has its authorization.
    #[must_use]
    pub fn latest_operation(&self) -> &Operation {
        self.operations.last().expect("a payment is created with its authorization")
    }

    /// Operations that may still change money, oldest first.
    pub fn open_operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.is_open())
    }

    /// The refund under way, if any; rules allow one at a time.
    #[must_use]
    pub fn open_refund(&self) -> Option<&Operation> {
        self.open_operations().find(|operation| operation.kind == OperationKind::Refund)
    }

    /// What may still be refunded.
    #[must_use]
    pub fn refundable(&self) -> Minor {
        let open = self.open_refund().map_or(Minor::ZERO, |refund| refund.amount.into());
        self.captured
            .minus(self.refunded)
            .and_then(|rest| rest.minus(open))
            .expect("refunded and open refunds never exceed what was captured")
    }

    /// The outside name of a refund: `"{paymentId}-{operationNo}"`.
    #[must_use]
    pub fn refund_id(&self, no: OperationNo) -> String {
        format!("{}-{no}", self.id)
    }

    /// When a sweep must look at this payment, should its actor be gone; `None` when only the merchant or an
    /// operator can move it on.
    #[must_use]
    pub fn due(&self, now: Timestamp, rules: &Rules) -> Option<Due> {
        self.due_after(now, |_| rules.lease)
    }

    /// The same, where an attempt under way is left alone for as long as `lease` says of its kind.
    #[must_use]
    pub fn due_after(&self, now: Timestamp, lease: impl Fn(DueKind) -> Duration) -> Option<Due> {
        let void_decides = self.open_operations().any(Self::is_void_under_way);
        let looked_after =
            |operation: &&Operation| operation.kind != OperationKind::Authorize || !void_decides;
        let operation = self.open_operations().filter(looked_after).filter_map(|operation| {
            let at = match operation.progress {
                Progress::Attempting => Some(now.plus(lease(DueKind::of(operation.kind)))),
                Progress::Waiting(until) => Some(until),
                Progress::DeadLettered
                | Progress::Approved
                | Progress::Declined
                | Progress::GivenUp
                | Progress::Superseded => None,
            }?;
            Some(Due { at, kind: DueKind::of(operation.kind) })
        });
        let expiry = self.hold_expiry().map(|at| Due { at, kind: DueKind::Expiry });
        operation.chain(expiry).min_by_key(|due| due.at)
    }

    /// A void under way ends an authorization without an answer too, for it names that one's key. So whoever makes
    /// voids looks after the payment, who need not be whoever authorizes.
    fn is_void_under_way(operation: &Operation) -> bool {
        operation.kind == OperationKind::Void
            && matches!(operation.progress, Progress::Attempting | Progress::Waiting(_))
    }

    /// When the engine voids the hold by itself: only while it may still be captured.
    #[must_use]
    pub fn hold_expiry(&self) -> Option<Timestamp> {
        match self.status {
            Status::Authorized | Status::CaptureFailed
                if self.cancel.is_none() && !self.expiry_was_given_up() =>
            {
                self.authorization_expires_at
            }
            Status::Ready
            | Status::Authorized
            | Status::AuthFailed
            | Status::CaptureRequested
            | Status::Captured
            | Status::CaptureFailed
            | Status::RefundRequested
            | Status::Refunded
            | Status::PartialRefunded
            | Status::RefundFailed
            | Status::Cancelled => None,
        }
    }

    /// Whether an operator gave up voiding the hold after it had expired; the engine does not start again.
    fn expiry_was_given_up(&self) -> bool {
        self.operations.iter().any(|operation| {
            operation.kind == OperationKind::Void
                && operation.progress == Progress::GivenUp
                && self.authorization_expires_at.is_some_and(|expiry| operation.requested_at >= expiry)
        })
    }
}
