//! The language spoken with the payment gateway (PG), and what its words mean.
//!
//! Owns the request, the answer and the classification of answers. Never calls anybody: adapters send the
//! request and hand status and body back.

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::ids::MerchantId;
use crate::money::Amount;
use crate::operation::{Operation, OperationKind, PgKey};
use crate::payment::Payment;
use crate::time::Timestamp;

/// What a capture, refund or void refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nothing: an authorization.
    None,
    /// The authorization's transaction.
    Transaction(Box<str>),
    /// The authorization's key, when its transaction is not known; the PG then declines that key.
    AuthorizationKey(PgKey),
}

/// One request to the PG; the same for every repetition of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgRequest {
    /// The idempotency key.
    pub key: PgKey,
    /// The merchant.
    pub merchant_id: MerchantId,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What it refers to.
    pub target: Target,
    /// When the attempt was committed; tells how long ago the key was first used.
    pub attempted_at: Timestamp,
}

/// The body of a request as JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PgRequestBody<'a> {
    payment_id: crate::ids::PaymentId,
    merchant_id: &'a MerchantId,
    amount: Amount,
    currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_key: Option<String>,
}

impl PgRequest {
    /// The request of an operation's current attempt.
    #[must_use]
    pub fn of(payment: &Payment, operation: &Operation) -> Self {
        let hold = || Target::Transaction(payment.hold_transaction_id.clone().unwrap_or_default());
        let target = match operation.kind {
            OperationKind::Authorize => Target::None,
            OperationKind::Void if operation.by_authorization_key => {
                let authorization =
                    payment.operations.first().expect("a payment is created with its authorization");
                Target::AuthorizationKey(authorization.pg_key(payment.id))
            }
            OperationKind::Capture | OperationKind::Refund | OperationKind::Void => hold(),
        };
        Self {
            key: operation.pg_key(payment.id),
            merchant_id: payment.merchant_id.clone(),
            amount: operation.amount,
            currency: payment.currency,
            target,
            attempted_at: operation.attempted_at,
        }
    }

    /// The request's JSON body.
    #[must_use]
    pub fn body(&self) -> PgRequestBody<'_> {
        let (transaction_id, authorization_key) = match &self.target {
            Target::None => (None, None),
            Target::Transaction(id) => (Some(id.as_ref()), None),
            Target::AuthorizationKey(key) => (None, Some(key.to_string())),
        };
        PgRequestBody {
            payment_id: self.key.payment_id,
            merchant_id: &self.merchant_id,
            amount: self.amount,
            currency: self.currency,
            transaction_id,
            authorization_key,
        }
    }
}

/// An approval that the PG recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approval {
    /// The PG's transaction.
    pub transaction_id: Option<Box<str>>,
    /// The approval number of an authorization.
    pub approval_number: Option<Box<str>>,
    /// When the hold ends.
    pub expires_at: Option<Timestamp>,
}

/// A decline or failure that the PG recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negative {
    /// Whether it is a failure (technical) rather than a decline.
    pub failed: bool,
    /// The response code.
    pub code: Box<str>,
    /// The response message.
    pub message: Option<Box<str>>,
    /// Whether another try makes sense.
    pub retryable: bool,
}

/// The code of a void that found nothing to void.
pub const NO_SUCH_HOLD: &str = "NO_SUCH_HOLD";

/// Why a request is known not to have been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No connection could be made; the breaker counts it as a failure.
    Connection,
    /// The PG answered 429; the breaker does not count it.
    RateLimited,
    /// The breaker is open, or nobody was there to send it.
    NotPermitted,
}

/// What one exchange with the PG found out about an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Recorded: done.
    Approved(Approval),
    /// Recorded: not done.
    Negative(Negative),
    /// Recorded, but for another amount, currency or payment.
    Mismatch,
    /// The PG works on it.
    Processing,
    /// The PG has never seen the key.
    NotSeen,
    /// The request was never written, or the PG did not take it.
    Unsent(Refusal),
    /// Asked without a trustworthy answer; in words, why.
    Unknown(&'static str),
}

/// Whether a finding answers a request or a question about one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The answer to a request.
    Answer,
    /// The answer to a question.
    Query,
    /// An operator's word instead of the PG's.
    Operator,
}

/// What one exchange found out, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it was found out.
    pub source: Source,
    /// What was found out.
    pub finding: Finding,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerBody {
    key: Option<String>,
    payment_id: Option<u64>,
    status: Option<String>,
    amount: Option<u64>,
    currency: Option<String>,
    transaction_id: Option<Box<str>>,
    approval_number: Option<Box<str>>,
    response_code: Option<Box<str>>,
    response_message: Option<Box<str>>,
    retryable: Option<bool>,
    expires_at: Option<Timestamp>,
}

impl AnswerBody {
    fn echoes(&self, request: &PgRequest) -> bool {
        self.payment_id == Some(request.key.payment_id.get())
            && self.amount == Some(request.amount.get())
            && self.currency.as_deref() == Some(request.currency.code())
    }

    /// Whether the body names another key; one that names none is taken for this request's.
    fn has_another_key(&self, request: &PgRequest) -> bool {
        self.key.as_ref().is_some_and(|key| *key != request.key.to_string())
    }

    fn has_another_payment(&self, request: &PgRequest) -> bool {
        self.payment_id.is_some_and(|id| id != request.key.payment_id.get())
    }

    fn approval(self) -> Approval {
        Approval {
            transaction_id: self.transaction_id,
            approval_number: self.approval_number,
            expires_at: self.expires_at,
        }
    }

    fn negative(self, failed: bool, default_code: &str) -> Negative {
        let code = self.response_code.filter(|code| !code.is_empty());
        Negative {
            failed,
            code: code.unwrap_or_else(|| default_code.into()),
            message: self.response_message,
            retryable: self.retryable.unwrap_or(true),
        }
    }
}

const CONTRADICTS_REQUEST: Finding = Finding::Unknown("the answer contradicts the request");

/// What the answer to a request means: approved is 2xx whose payment, amount and currency echo the request;
/// negative is a body that says so, or a 4xx other than 408, 409, 425, 429; 429 was not taken; all else is unknown,
/// a body that contradicts its status or belongs to another request included.
#[must_use]
pub fn classify_answer(request: &PgRequest, status: u16, body: &[u8]) -> Finding {
    let parsed = serde_json::from_slice::<AnswerBody>(body).ok();
    match (status, parsed) {
        (200..=299, Some(answer)) => classify_body(request, answer, CONTRADICTS_REQUEST),
        (429, _) => Finding::Unsent(Refusal::RateLimited),
        (408 | 409 | 425, _) => Finding::Unknown("the pg asks to try again"),
        (400..=499, Some(answer)) => classify_refusal(request, status, answer),
        (400..=499, None) => Finding::Negative(refused_by_status(status)),
        (500..=599, _) => Finding::Unknown("the pg reported an error of its own"),
        (_, _) => Finding::Unknown("the answer is unreadable"),
    }
}

/// What the answer to a question means: only a recorded answer ends anything, 404 says the key was never seen.
#[must_use]
pub fn classify_query(request: &PgRequest, status: u16, body: &[u8]) -> Finding {
    match (status, serde_json::from_slice::<AnswerBody>(body).ok()) {
        (404, _) => Finding::NotSeen,
        (429, _) => Finding::Unsent(Refusal::RateLimited),
        (200..=299, Some(answer)) => classify_body(request, answer, Finding::Mismatch),
        (_, _) => Finding::Unknown("the question was not answered"),
    }
}

fn classify_body(request: &PgRequest, answer: AnswerBody, contradiction: Finding) -> Finding {
    if answer.has_another_key(request) {
        return CONTRADICTS_REQUEST;
    }
    match answer.status.as_deref() {
        Some("approved") if answer.echoes(request) => Finding::Approved(answer.approval()),
        Some("approved") => contradiction,
        // A negative about another payment says nothing about this attempt: a new key could charge twice.
        Some("declined" | "failed") if answer.has_another_payment(request) => CONTRADICTS_REQUEST,
        Some("declined") => Finding::Negative(answer.negative(false, "DECLINED")),
        Some("failed") => Finding::Negative(answer.negative(true, "FAILED")),
        Some("processing") => Finding::Processing,
        Some(_) | None => Finding::Unknown("the answer is unreadable"),
    }
}

/// A 4xx with a readable body: a negative, unless the body says that it is none or belongs to another request.
fn classify_refusal(request: &PgRequest, status: u16, answer: AnswerBody) -> Finding {
    let says_otherwise = matches!(answer.status.as_deref(), Some("approved" | "processing"));
    if says_otherwise || answer.has_another_key(request) || answer.has_another_payment(request) {
        return CONTRADICTS_REQUEST;
    }
    let failed = answer.status.as_deref() == Some("failed");
    Finding::Negative(answer.negative(failed, &code_of_status(status)))
}

fn refused_by_status(status: u16) -> Negative {
    Negative { failed: false, code: code_of_status(status).into(), message: None, retryable: true }
}

fn code_of_status(status: u16) -> String {
    format!("HTTP_{status}")
}
