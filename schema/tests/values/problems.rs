//! Problem codes and their bodies.

use std::collections::BTreeSet;

use payment_schema::ids::PaymentId;
use payment_schema::problem::{ProblemBody, ProblemCode};
use serde_json::{Value, json};

/// Clients switch on these; none may be renamed or change its status.
#[test]
fn codes_and_statuses_are_the_documented_ones() {
    for (code, status) in [
        ("MALFORMED_JSON", 400),
        ("VALIDATION_FAILED", 400),
        ("IDEMPOTENCY_KEY_MISSING", 400),
        ("UNAUTHENTICATED", 401),
        ("PG_DECLINED", 402),
        ("FORBIDDEN", 403),
        ("NOT_FOUND", 404),
        ("METHOD_NOT_ALLOWED", 405),
        ("CAPTURE_CONFLICT", 409),
        ("REFUND_CONFLICT", 409),
        ("CANCEL_CONFLICT", 409),
        ("REQUEST_IN_PROGRESS", 409),
        ("AUTHORIZATION_CANCELLED", 409),
        ("BODY_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("IDEMPOTENCY_KEY_REUSED", 422),
        ("AMOUNT_EXCEEDS_AUTHORIZED", 422),
        ("AMOUNT_EXCEEDS_REFUNDABLE", 422),
        ("RATE_LIMIT_EXCEEDED", 429),
        ("PG_UNAVAILABLE", 503),
        ("STORE_UNAVAILABLE", 503),
        ("OVERLOADED", 503),
    ] {
        let known = ProblemCode::ALL.iter().find(|known| known.as_str() == code);
        assert_eq!(known.map(|known| known.status()), Some(status), "{code}");
    }
}

#[test]
fn codes_titles_and_pages_are_distinct() {
    let count = ProblemCode::ALL.len();
    for distinct in [
        ProblemCode::ALL.iter().map(|code| code.as_str().to_owned()).collect::<BTreeSet<_>>(),
        ProblemCode::ALL.iter().map(|code| code.title().to_owned()).collect(),
        ProblemCode::ALL.iter().map(|code| code.page()).collect(),
    ] {
        assert_eq!(distinct.len(), count);
    }
    assert_eq!(ProblemCode::PgDeclined.page(), "/docs/errors/pg-declined");
}

#[test]
fn a_body_has_the_members_of_rfc_9457_and_ours() {
    let id = PaymentId::try_from(1024_u64).expect("in range");
    let body = ProblemBody::new(
        ProblemCode::RefundConflict,
        "one at a time",
        "/api/payments/1024".to_owned(),
        Some(id),
    );
    let value: Value = serde_json::from_slice(&body.to_json()).expect("is JSON");
    let expected = json!({
        "type": "/docs/errors/refund-conflict", "title": ProblemCode::RefundConflict.title(), "status": 409,
        "detail": "one at a time", "instance": "/api/payments/1024", "code": "REFUND_CONFLICT",
        "message": "one at a time", "paymentId": 1024,
    });
    assert_eq!(value, expected);
    let nameless =
        ProblemBody::new(ProblemCode::Overloaded, "later", "/api/payments/authorize".to_owned(), None);
    let value: Value = serde_json::from_slice(&nameless.to_json()).expect("is JSON");
    assert_eq!(value["paymentId"], Value::Null, "the member is there when no payment is known");
}
