//! A payment as clients see it, and the answers that are stored and replayed.
//!
//! Owns the JSON of success bodies and of the stored problem bodies. Rendering is pure: the same payment and
//! entries give the same bytes.

use serde::Serialize;

use crate::currency::Currency;
use crate::ids::{MerchantId, OperationNo, PaymentId, Version};
use crate::ledger::LedgerEntry;
use crate::money::{Amount, Minor};
use crate::operation::{Operation, OperationKind, PgOutcome, Progress};
use crate::payment::{CaptureMode, Payment};
use crate::problem::{ProblemBody, ProblemCode};
use crate::status::Status;
use crate::text::{Metadata, OrderId, Reason};
use crate::time::Timestamp;

/// Which answer a request gets once its outcome is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerKind {
    /// 200: the money is held (or its automatic capture requested).
    Authorized,
    /// 402: the PG declined.
    Declined,
    /// 409: cancelled before the PG answered.
    AuthorizationCancelled,
    /// 200: the capture was accepted, or had been.
    Capture,
    /// 200: this refund was accepted, or had been.
    Refund(OperationNo),
    /// 200: the hold was voided.
    Cancelled,
    /// 202: accepted, the PG has not answered in time. Never stored.
    Pending,
}

/// A rendered answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A refund as a payment lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundView {
    /// `"{paymentId}-{operationNo}"`.
    pub refund_id: String,
    /// How much.
    pub amount: Amount,
    /// `open`, `approved`, `failed` (out of tries: an operator decides) or `given-up`.
    pub status: &'static str,
    /// Why.
    pub reason: Option<Reason>,
}

/// The success body: every field is present, null when unknown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// The payment's id.
    pub payment_id: PaymentId,
    /// Where it stands.
    pub status: Status,
    /// The authorized amount, in minor units.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// One per movement.
    pub ledger_entries: Vec<LedgerEntry>,
    /// In words, what happened.
    pub message: &'static str,
    /// What was captured.
    pub captured_amount: Minor,
    /// What was refunded.
    pub refunded_amount: Minor,
    /// The number of its latest transition.
    pub version: Version,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whose it is.
    pub merchant_id: MerchantId,
    /// The merchant's order number.
    pub order_id: Option<OrderId>,
    /// The PG's approval number.
    pub approval_number: Option<Box<str>>,
    /// The PG's transaction id of the hold.
    pub pg_transaction_id: Option<Box<str>>,
    /// Who captures.
    pub capture_mode: CaptureMode,
    /// The latest operation.
    pub operation: OperationKind,
    /// What the PG said about it.
    pub pg_outcome: PgOutcome,
    /// When its next attempt comes.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether the hold is to be voided, or was.
    pub cancel_requested: bool,
    /// When the hold ends.
    pub authorization_expires_at: Option<Timestamp>,
    /// Every refund.
    pub refunds: Vec<RefundView>,
    /// The refund that the request concerned; null for other requests.
    pub refund_id: Option<String>,
    /// The merchant's notes; shown by GET only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

impl PaymentView {
    /// The payment with its ledger entries.
    #[must_use]
    pub fn new(payment: &Payment, ledger_entries: Vec<LedgerEntry>) -> Self {
        let latest = payment.latest_operation();
        Self {
            payment_id: payment.id,
            status: payment.status,
            amount: payment.amount,
            currency: payment.currency,
            created_at: payment.created_at,
            ledger_entries,
            message: state_message(payment),
            captured_amount: payment.captured,
            refunded_amount: payment.refunded,
            version: payment.version,
            updated_at: payment.updated_at,
            merchant_id: payment.merchant_id.clone(),
            order_id: payment.order_id.clone(),
            approval_number: payment.approval_number.clone(),
            pg_transaction_id: payment.hold_transaction_id.clone(),
            capture_mode: payment.capture_mode,
            operation: latest.kind,
            pg_outcome: latest.outcome,
            next_attempt_at: latest.next_attempt_at(),
            cancel_requested: payment.cancel.is_some(),
            authorization_expires_at: payment.authorization_expires_at,
            refunds: refunds(payment),
            refund_id: None,
            metadata: None,
        }
    }

    /// The same with the merchant's notes, as GET shows it.
    #[must_use]
    pub fn with_metadata(mut self, payment: &Payment) -> Self {
        self.metadata = Some(payment.metadata.clone());
        self
    }
}

fn refunds(payment: &Payment) -> Vec<RefundView> {
    payment
        .operations
        .iter()
        .filter(|operation| operation.kind == OperationKind::Refund)
        .map(|refund| RefundView {
            refund_id: payment.refund_id(refund.no),
            amount: refund.amount,
            status: refund_status(refund),
            reason: refund.reason.clone(),
        })
        .collect()
}

/// A refund that waits for an operator tells its merchant so, unless nobody knows yet whether money moved.
fn refund_status(refund: &Operation) -> &'static str {
    match (refund.progress, refund.outcome) {
        (Progress::DeadLettered, PgOutcome::Declined | PgOutcome::Failed) => "failed",
        (progress, _) => progress.as_str(),
    }
}

fn state_message(payment: &Payment) -> &'static str {
    match payment.status {
        Status::Ready if payment.cancel.is_some() => "the payment is being cancelled",
        Status::Ready => "the payment is accepted; the payment gateway has not answered yet",
        Status::Authorized if payment.cancel.is_some() => "the hold is being voided",
        Status::Authorized => "the payment is authorized",
        Status::AuthFailed => "the payment was declined",
        Status::CaptureRequested => "the capture is under way",
        Status::Captured => "the payment is captured",
        Status::CaptureFailed if payment.cancel.is_some() => "the hold is being voided",
        Status::CaptureFailed => "the latest try of the capture failed",
        Status::RefundRequested => "the refund is under way",
        Status::Refunded => "the payment is refunded in full",
        Status::PartialRefunded => "the payment is refunded in part",
        Status::RefundFailed => "the latest try of the refund failed",
        Status::Cancelled => "the payment is cancelled",
    }
}

/// Renders an answer from a payment as of its commit.
#[must_use]
pub fn render(kind: AnswerKind, payment: &Payment, ledger_entries: Vec<LedgerEntry>) -> Answer {
    let status = match kind {
        AnswerKind::Authorized | AnswerKind::Capture | AnswerKind::Refund(_) | AnswerKind::Cancelled => 200,
        AnswerKind::Pending => 202,
        AnswerKind::Declined => return render_problem(ProblemCode::PgDeclined, &declined(payment), payment),
        AnswerKind::AuthorizationCancelled => {
            let detail =
                "the authorization was cancelled before the payment gateway answered; no money is held";
            return render_problem(ProblemCode::AuthorizationCancelled, detail, payment);
        }
    };
    let mut view = PaymentView::new(payment, ledger_entries);
    if let AnswerKind::Refund(no) = kind {
        view.refund_id = Some(payment.refund_id(no));
    }
    Answer { status, body: serde_json::to_vec(&view).expect("a payment holds nothing that JSON cannot") }
}

fn declined(payment: &Payment) -> String {
    let authorization = payment.operations.first();
    let code = authorization.and_then(|operation| operation.response_code.as_deref()).unwrap_or("DECLINED");
    format!("the payment gateway declined the payment: {code}")
}

fn render_problem(code: ProblemCode, detail: &str, payment: &Payment) -> Answer {
    let instance = format!("/api/payments/{}", payment.id);
    Answer {
        status: code.status(),
        body: ProblemBody::new(code, detail, instance, Some(payment.id)).to_json(),
    }
}
