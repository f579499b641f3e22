//! Bodies as the document describes them.
//!
//! Owns descriptions only: requests are read by [`super::super::commands`], answers are rendered by
//! [`payment_schema::representation`]. A test holds every rendered answer against these.

#![expect(dead_code, reason = "these types are described, never built")]

use payment_schema::problem::ProblemCode;
use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// A payment's id: a positive integer below 2^53.
#[derive(ToSchema)]
#[schema(value_type = u64, minimum = 1, maximum = 9_007_199_254_740_991_u64, example = 1024)]
pub(crate) struct PaymentId(u64);

/// A merchant's id: printable ASCII.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 32, pattern = "^[ -~]*$", example = "merchant-1")]
pub(crate) struct MerchantId(String);

/// The name of one command, chosen by the client: printable ASCII.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[ -~]*$", example = "order-1001-authorize")]
pub(crate) struct IdempotencyKey(String);

/// An amount in the currency's minor unit: 1000 is 10.00 USD, or 1000 KRW.
#[derive(ToSchema)]
#[schema(value_type = u64, minimum = 1, maximum = 9_999_999_999_999_u64, example = 1000)]
pub(crate) struct Amount(u64);

/// A sum in the currency's minor unit; may be zero.
#[derive(ToSchema)]
#[schema(value_type = u64, minimum = 0, maximum = 9_999_999_999_999_u64, example = 0)]
pub(crate) struct Sum(u64);

/// An ISO 4217 code with a defined minor unit.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "KRW")]
pub(crate) struct Currency(String);

/// Why; shown in history and events.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128, example = "customer changed their mind")]
pub(crate) struct Reason(String);

/// The merchant's notes.
pub(crate) struct Metadata;

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        let note = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).max_length(Some(500));
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Object))
            .additional_properties(Some(Schema::from(note)))
            .max_properties(Some(20))
            .description(Some("The merchant's notes; keys have 1 to 40 characters."))
            .examples([json!({"basket": "42"})])
            .into()
    }
}

impl ToSchema for Metadata {}

/// A moment, RFC 3339.
pub(crate) struct Moment;

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A moment, RFC 3339."))
            .examples([json!("2026-01-31T12:00:00.000000Z")])
            .into()
    }
}

impl ToSchema for Moment {}

/// Where a payment stands.
pub(crate) struct Status;

impl PartialSchema for Status {
    fn schema() -> RefOr<Schema> {
        let names = payment_schema::status::Status::ALL.map(payment_schema::status::Status::as_str);
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .enum_values(Some(names))
            .description(Some("Where a payment stands."))
            .into()
    }
}

impl ToSchema for Status {}

/// A stable error code.
pub(crate) struct Code;

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .enum_values(Some(ProblemCode::ALL.iter().map(|code| code.as_str())))
            .description(Some("A stable error code; each has a page, which `type` links to."))
            .into()
    }
}

impl ToSchema for Code {}

/// Who captures.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum CaptureMode {
    /// The merchant.
    Manual,
    /// The engine, in full, as soon as the payment is authorized.
    Automatic,
}

/// Hold money.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "merchantId": "merchant-1", "amount": 1000, "currency": "KRW", "idempotencyKey": "order-1001-authorize"
}))]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorizeRequest {
    merchant_id: MerchantId,
    amount: Amount,
    currency: Currency,
    /// Needed here or in the header `Idempotency-Key`.
    #[schema(nullable = false)]
    idempotency_key: Option<IdempotencyKey>,
    /// `manual` unless given.
    #[schema(nullable = false)]
    capture_mode: Option<CaptureMode>,
    /// The merchant's order number.
    #[schema(nullable = false, min_length = 1, max_length = 64)]
    order_id: Option<String>,
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
}

/// Take held money.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"merchantId": "merchant-1", "amount": 900}))]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureRequest {
    merchant_id: MerchantId,
    /// All that is held unless given; the rest is released.
    #[schema(nullable = false)]
    amount: Option<Amount>,
    #[schema(nullable = false)]
    idempotency_key: Option<IdempotencyKey>,
}

/// Give captured money back.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "merchantId": "merchant-1", "amount": 300, "reason": "one item was broken", "idempotencyKey": "order-1001-refund-1"
}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundRequest {
    merchant_id: MerchantId,
    reason: Reason,
    /// All that is left unless given.
    #[schema(nullable = false)]
    amount: Option<Amount>,
    #[schema(nullable = false)]
    idempotency_key: Option<IdempotencyKey>,
}

/// Release the hold.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "merchantId": "merchant-1", "reason": "customer changed their mind"
}))]
#[serde(deny_unknown_fields)]
pub(crate) struct CancelRequest {
    merchant_id: MerchantId,
    reason: Reason,
    #[schema(nullable = false)]
    idempotency_key: Option<IdempotencyKey>,
}

/// One movement of money in the ledger.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct LedgerEntry {
    #[schema(example = "merchant_receivable:merchant-1:KRW")]
    debit_account: String,
    #[schema(example = "cash:merchant-1:KRW")]
    credit_account: String,
    amount: Amount,
}

/// One refund of a payment.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Refund {
    #[schema(example = "1024-3")]
    refund_id: String,
    amount: Amount,
    status: RefundStatus,
    #[schema(required)]
    reason: Option<Reason>,
}

/// How a refund stands.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum RefundStatus {
    /// Under way, or waiting for an operator.
    Open,
    /// Done.
    Approved,
    /// Refused for good.
    Failed,
    /// An operator gave it up.
    GivenUp,
}

/// What the latest operation does at the payment gateway.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Operation {
    /// Hold money.
    Authorize,
    /// Take it.
    Capture,
    /// Release the hold.
    Void,
    /// Give it back.
    Refund,
}

/// What the payment gateway said about the latest operation.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum PgOutcome {
    /// Not known to have been asked.
    None,
    /// Done.
    Approved,
    /// Refused.
    Declined,
    /// Failed.
    Failed,
    /// Asked, without an answer that can be trusted; the engine keeps asking.
    Unknown,
    /// Its record has another amount; an operator decides.
    Mismatch,
}

/// A payment. Every member is present, null when unknown.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Payment {
    payment_id: PaymentId,
    status: Status,
    /// What was authorized.
    amount: Amount,
    currency: Currency,
    created_at: Moment,
    /// In the answer to a command, as of its commit; in the answer to GET, as of now.
    ledger_entries: Vec<LedgerEntry>,
    /// What happened, in words.
    #[schema(example = "the payment is authorized")]
    message: String,
    captured_amount: Sum,
    refunded_amount: Sum,
    /// The number of the latest transition.
    version: u64,
    updated_at: Moment,
    merchant_id: MerchantId,
    /// The merchant's order number.
    #[schema(required)]
    order_id: Option<String>,
    /// The payment gateway's approval number.
    #[schema(required)]
    approval_number: Option<String>,
    /// The payment gateway's transaction of the hold.
    #[schema(required)]
    pg_transaction_id: Option<String>,
    capture_mode: CaptureMode,
    operation: Operation,
    pg_outcome: PgOutcome,
    /// When the latest operation is tried again.
    #[schema(required)]
    next_attempt_at: Option<Moment>,
    /// Whether the hold is to be released, or was.
    cancel_requested: bool,
    /// When the hold ends.
    #[schema(required)]
    authorization_expires_at: Option<Moment>,
    refunds: Vec<Refund>,
    /// The refund this answer is about.
    #[schema(required)]
    refund_id: Option<String>,
}

/// A payment with the merchant's notes.
#[derive(ToSchema)]
pub(crate) struct PaymentWithMetadata {
    #[serde(flatten)]
    payment: Payment,
    metadata: Metadata,
}

/// One page of payments.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PaymentList {
    payments: Vec<PaymentWithMetadata>,
    /// Asks for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A payment's life.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct History {
    payment_id: PaymentId,
    transitions: Vec<Transition>,
}

/// One step of it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Transition {
    /// Counted from 1, without gaps.
    version: u64,
    /// Null for the first.
    #[schema(required)]
    from: Option<Status>,
    to: Status,
    cause: Cause,
    at: Moment,
    /// W3C trace id.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    trace_id: String,
    operation_no: u32,
    attempt: u32,
}

/// Why a step happened.
#[derive(ToSchema)]
pub(crate) struct Cause {
    kind: CauseKind,
    #[schema(required)]
    reason: Option<String>,
}

/// What kind of thing caused it.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum CauseKind {
    /// A request.
    Api,
    /// The payment gateway's answer.
    PgAnswer,
    /// Its answer to a question about an earlier request.
    PgQuery,
    /// The next try after a negative.
    Retry,
    /// An age limit.
    Expiry,
    /// Work taken up again after a crash.
    Recovery,
    /// An operator.
    Operator,
}

/// One field at fault.
#[derive(ToSchema)]
pub(crate) struct FieldError {
    /// The member, parameter or header.
    #[schema(example = "amount")]
    field: String,
    #[schema(example = "must be an integer from 1 to 9999999999999")]
    message: String,
}

/// An error (RFC 9457).
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// The page about the code.
    #[schema(example = "/docs/errors/validation-failed")]
    r#type: String,
    /// The same for every occurrence of the code.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened this time, and what to do.
    detail: String,
    /// The path of the request or of the payment.
    instance: String,
    code: Code,
    /// The same as `detail`.
    message: String,
    /// The payment it concerns.
    #[schema(required)]
    payment_id: Option<PaymentId>,
    /// The fields at fault; for `VALIDATION_FAILED` only.
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
}
