//! The pages about problem codes, one for each, built into the program from `docs/errors/`.
//!
//! Owns which page belongs to which code: a code without a page does not compile.

use payment_schema::problem::ProblemCode;

macro_rules! page {
    ($slug:literal) => {
        include_str!(concat!("../../../docs/errors/", $slug, ".md"))
    };
}

/// The page as it is written.
pub(super) const fn markdown(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::MalformedJson => page!("malformed-json"),
        ProblemCode::ValidationFailed => page!("validation-failed"),
        ProblemCode::IdempotencyKeyMissing => page!("idempotency-key-missing"),
        ProblemCode::Unauthenticated => page!("unauthenticated"),
        ProblemCode::Forbidden => page!("forbidden"),
        ProblemCode::PgDeclined => page!("pg-declined"),
        ProblemCode::NotFound => page!("not-found"),
        ProblemCode::MethodNotAllowed => page!("method-not-allowed"),
        ProblemCode::CaptureConflict => page!("capture-conflict"),
        ProblemCode::RefundConflict => page!("refund-conflict"),
        ProblemCode::CancelConflict => page!("cancel-conflict"),
        ProblemCode::RequestInProgress => page!("request-in-progress"),
        ProblemCode::AuthorizationCancelled => page!("authorization-cancelled"),
        ProblemCode::OperationSettled => page!("operation-settled"),
        ProblemCode::BodyTooLarge => page!("body-too-large"),
        ProblemCode::UnsupportedMediaType => page!("unsupported-media-type"),
        ProblemCode::IdempotencyKeyReused => page!("idempotency-key-reused"),
        ProblemCode::AmountExceedsAuthorized => page!("amount-exceeds-authorized"),
        ProblemCode::AmountExceedsRefundable => page!("amount-exceeds-refundable"),
        ProblemCode::RateLimitExceeded => page!("rate-limit-exceeded"),
        ProblemCode::PgUnavailable => page!("pg-unavailable"),
        ProblemCode::StoreUnavailable => page!("store-unavailable"),
        ProblemCode::Overloaded => page!("overloaded"),
        ProblemCode::Internal => page!("internal"),
    }
}

/// The body at the end of the page's example.
pub(super) fn example(code: ProblemCode) -> serde_json::Value {
    let (_, answer) = markdown(code).rsplit_once("```http").expect("every page ends with an example");
    let (_, body) = answer.split_once("\n\n").expect("an example has a head and a body");
    serde_json::from_str(body.trim_end().trim_end_matches('`')).expect("an example's body is json")
}

/// The page for a browser: the same text in a readable frame.
pub(super) fn html(code: ProblemCode) -> String {
    let text = markdown(code).replace('&', "&amp;").replace('<', "&lt;");
    let name = code.as_str();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><body style=\"max-width:50rem;margin:2rem auto;padding:0 1rem\">\
         <pre style=\"white-space:pre-wrap;font-size:1rem;line-height:1.5\">{text}</pre>"
    )
}
