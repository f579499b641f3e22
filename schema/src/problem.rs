//! Stable problem codes and the errors that carry them.
//!
//! Owns each code's HTTP status and title, and the `application/problem+json` body (RFC 9457). Every code has a
//! page in `docs/errors/`, which the body's `type` links to.

use serde::Serialize;

use crate::ids::PaymentId;

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)+) => {
        /// A stable code for one kind of error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemCode {
            $($(#[$doc])* $name,)+
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code on the outside.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// A short summary, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

problem_codes! {
    /// Not JSON, too deep, or duplicate members.
    MalformedJson = "MALFORMED_JSON", 400, "The body is not acceptable JSON";
    /// A field has the wrong type or range, or is unknown.
    ValidationFailed = "VALIDATION_FAILED", 400, "A field is not valid";
    /// An authorization without a key.
    IdempotencyKeyMissing = "IDEMPOTENCY_KEY_MISSING", 400, "An idempotency key is needed";
    /// No or an unknown API key.
    Unauthenticated = "UNAUTHENTICATED", 401, "An API key is needed";
    /// The API key's merchant is not the request's.
    Forbidden = "FORBIDDEN", 403, "The caller may not do this";
    /// The PG declined the authorization.
    PgDeclined = "PG_DECLINED", 402, "The payment was declined";
    /// No such payment or page.
    NotFound = "NOT_FOUND", 404, "Not found";
    /// The path exists with other methods.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "The method is not allowed here";
    /// The payment's state does not allow a capture.
    CaptureConflict = "CAPTURE_CONFLICT", 409, "The payment cannot be captured now";
    /// The payment's state does not allow a refund.
    RefundConflict = "REFUND_CONFLICT", 409, "The payment cannot be refunded now";
    /// The payment's state does not allow a cancel.
    CancelConflict = "CANCEL_CONFLICT", 409, "The payment cannot be cancelled now";
    /// The same command is being worked on and its payment cannot be named yet.
    RequestInProgress = "REQUEST_IN_PROGRESS", 409, "The same request is being worked on";
    /// The authorization was cancelled before the PG answered.
    AuthorizationCancelled = "AUTHORIZATION_CANCELLED", 409, "The authorization was cancelled";
    /// An operator's act on something already settled.
    OperationSettled = "OPERATION_SETTLED", 409, "The operation is already settled";
    /// The body is too large.
    BodyTooLarge = "BODY_TOO_LARGE", 413, "The body is too large";
    /// The body is not JSON by its content type.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "The content type is not supported";
    /// Another command under a used key.
    IdempotencyKeyReused = "IDEMPOTENCY_KEY_REUSED", 422, "The idempotency key was used for another command";
    /// A capture of more than was authorized.
    AmountExceedsAuthorized = "AMOUNT_EXCEEDS_AUTHORIZED", 422, "The amount is more than was authorized";
    /// A refund of more than is left.
    AmountExceedsRefundable = "AMOUNT_EXCEEDS_REFUNDABLE", 422, "The amount is more than can be refunded";
    /// Too many requests of one merchant.
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED", 429, "Too many requests";
    /// The PG cannot be asked at the moment.
    PgUnavailable = "PG_UNAVAILABLE", 503, "The payment gateway is not available";
    /// The store cannot be reached; whether the command was taken is not known.
    StoreUnavailable = "STORE_UNAVAILABLE", 503, "The store is not available";
    /// More requests than the engine can take.
    Overloaded = "OVERLOADED", 503, "The engine is overloaded";
    /// A defect of this program.
    Internal = "INTERNAL", 500, "The engine failed";
}

impl ProblemCode {
    /// The link to the code's page: `/docs/errors/{code in lower case with dashes}`.
    #[must_use]
    pub fn page(self) -> String {
        format!("/docs/errors/{}", self.slug())
    }

    /// The page's name without folder and extension.
    #[must_use]
    pub fn slug(self) -> String {
        self.as_str().to_ascii_lowercase().replace('_', "-")
    }
}

/// A refusal by the rules: why a command cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The kind of error.
    pub code: ProblemCode,
    /// What is in the way and what to do, for people.
    pub detail: String,
    /// The payment it concerns.
    pub payment_id: Option<PaymentId>,
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's path in the body, the parameter or the header.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// The body of an error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// A link to the code's page.
    #[serde(rename = "type")]
    pub page: String,
    /// The code's title.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time and what to do.
    pub detail: String,
    /// The path of the request or of the payment.
    pub instance: String,
    /// The stable code.
    pub code: &'static str,
    /// The same as `detail`, for clients that show one line.
    pub message: String,
    /// The payment it concerns.
    pub payment_id: Option<PaymentId>,
    /// The fields at fault, for `VALIDATION_FAILED`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl ProblemBody {
    /// The body of a refusal.
    #[must_use]
    pub fn new(code: ProblemCode, detail: &str, instance: String, payment_id: Option<PaymentId>) -> Self {
        Self {
            page: code.page(),
            title: code.title(),
            status: code.status(),
            detail: detail.to_owned(),
            instance,
            code: code.as_str(),
            message: detail.to_owned(),
            payment_id,
            errors: Vec::new(),
        }
    }

    /// The body as bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a problem holds nothing that JSON cannot")
    }
}
