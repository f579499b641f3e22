//! Good commands: what reaches the engine, and how its answers come back.

use std::time::Duration;

use actix_web::test::TestRequest;
use payment_actors::api::Refusal;
use payment_http::Operation;
use payment_http::public::Limits;
use payment_schema::command::{Authorize, Cancel, Capture, Refund};
use payment_schema::currency::Currency;
use payment_schema::ids::MerchantId;
use payment_schema::payment::CaptureMode;
use payment_schema::problem::ProblemCode;
use payment_schema::representation::AnswerKind;
use payment_schema::text::{Metadata, OrderId, Reason};

use crate::support::fake_payments::{Call, Next, outcome};
use crate::support::samples::{amount, id};
use crate::support::{Face, post};

const AUTHORIZE: &str = r#"{"merchantId":"m-1","amount":1000,"currency":"KRW","idempotencyKey":"k-1"}"#;

fn plain_authorize() -> Authorize {
    Authorize {
        merchant_id: MerchantId::parse("m-1").unwrap(),
        amount: amount(1000),
        currency: Currency::parse("KRW").unwrap(),
        capture_mode: CaptureMode::Manual,
        order_id: None,
        metadata: Metadata::default(),
    }
}

#[actix_web::test]
async fn every_path_works_with_and_without_the_prefix() {
    let bodies = [
        ("authorize", AUTHORIZE, Call::Authorize(plain_authorize())),
        ("capture/1024", r#"{"merchantId":"m-1"}"#, Call::Capture(id(1024), Capture { amount: None })),
        (
            "refund/1024",
            r#"{"merchantId":"m-1","reason":"broken","amount":5}"#,
            Call::Refund(
                id(1024),
                Refund { amount: Some(amount(5)), reason: Reason::parse("broken").unwrap() },
            ),
        ),
        (
            "cancel/1024",
            r#"{"merchantId":"m-1","reason":"late"}"#,
            Call::Cancel(id(1024), Cancel { reason: Reason::parse("late").unwrap() }),
        ),
    ];
    for prefix in ["/api", ""] {
        for (path, body, call) in &bodies {
            let face = Face::new();
            let reply = face.post(&format!("{prefix}/payments/{path}"), body).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(reply.header("content-type"), Some("application/json"), "{path}");
            assert_eq!(face.payments.calls(), std::slice::from_ref(call), "{path}");
        }
    }
}

#[actix_web::test]
async fn optional_members_of_an_authorization_arrive() {
    let face = Face::new();
    let body = r#" {"merchantId":"m-1","amount":9999999999999,"currency":"USD","idempotencyKey":"k",
        "captureMode":"automatic","orderId":"Bestellung-ä","metadata":{"a":"","b":"\u0001 two"}} "#;
    assert_eq!(face.post("/api/payments/authorize", body).await.status, 200);
    let expected = Authorize {
        amount: amount(9_999_999_999_999),
        currency: Currency::parse("USD").unwrap(),
        capture_mode: CaptureMode::Automatic,
        order_id: Some(OrderId::parse("Bestellung-ä").unwrap()),
        metadata: Metadata::parse(
            [("a".to_owned(), String::new()), ("b".to_owned(), "\u{1} two".to_owned())].into(),
        )
        .unwrap(),
        ..plain_authorize()
    };
    assert_eq!(face.payments.calls(), [Call::Authorize(expected)]);
}

#[actix_web::test]
async fn the_key_may_stand_in_body_or_header() {
    let without = r#"{"merchantId":"m-1","amount":1000,"currency":"KRW"}"#;
    let cases = [
        (AUTHORIZE, None, "k-1"),
        (AUTHORIZE, Some("k-1"), "k-1"),
        (AUTHORIZE, Some(r#""k-1""#), "k-1"),
        (without, Some("k-2"), "k-2"),
        (without, Some(r#""say \"hi\" \\ bye""#), r#"say "hi" \ bye"#),
    ];
    for (body, header, key) in cases {
        let face = Face::new();
        let mut request = post("/api/payments/authorize", body);
        if let Some(header) = header {
            request = request.insert_header(("Idempotency-Key", header));
        }
        assert_eq!(face.send(request).await.status, 200, "{header:?}");
        assert_eq!(face.payments.callers()[0].key.as_ref().unwrap().as_str(), key, "{header:?}");
    }
}

#[actix_web::test]
async fn answers_pass_byte_for_byte() {
    let kinds = [
        (AnswerKind::Authorized, 200, "application/json", "ok"),
        (AnswerKind::Pending, 202, "application/json", "accepted"),
        (AnswerKind::Declined, 402, "application/problem+json", "declined"),
        (AnswerKind::AuthorizationCancelled, 409, "application/problem+json", "AUTHORIZATION_CANCELLED"),
    ];
    for (kind, status, media_type, metered) in kinds {
        for replayed in [false, true] {
            let face = Face::new();
            let mut answer = outcome(kind);
            answer.replayed = replayed;
            face.payments.will(Next::Answer(Ok(answer.clone())));
            let reply = face.post("/api/payments/authorize", AUTHORIZE).await;
            assert_eq!((reply.status, reply.header("content-type")), (status, Some(media_type)));
            assert_eq!(reply.body, answer.answer.body);
            assert_eq!(reply.header("idempotent-replayed"), replayed.then_some("true"));
            assert_eq!(face.meter.finished(), [(Operation::Authorize, metered)]);
        }
    }
}

#[actix_web::test]
async fn pending_answers_say_where_to_look() {
    let face = Face::new();
    face.payments.will(Next::Answer(Ok(outcome(AnswerKind::Pending))));
    let body = r#"{"merchantId":"a b/ü?","reason":"late"}"#;
    assert_eq!(face.post("/api/payments/cancel/1024", body).await.status, 400, "only printable ascii");
    let body = r#"{"merchantId":"a b/&?=%+","reason":"late"}"#;
    let reply = face.post("/api/payments/cancel/1024", body).await;
    assert_eq!(reply.status, 202);
    let location = reply.header("location").unwrap();
    assert_eq!(location, "/api/payments/1024?merchantId=a%20b%2F%26%3F%3D%25%2B");
    assert_eq!(face.get(location).await.status, 404, "the fake knows another merchant only");
    let asked = Call::Payment(MerchantId::parse("a b/&?=%+").unwrap(), id(1024));
    assert_eq!(face.payments.calls().last(), Some(&asked), "the location names the merchant exactly");
}

#[actix_web::test]
async fn refusals_are_problems_with_every_member() {
    let face = Face::new();
    face.payments.will_refuse(ProblemCode::CaptureConflict, "the payment is being cancelled");
    let reply = face.post("/payments/capture/1024", r#"{"merchantId":"m-1"}"#).await;
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    let expected = serde_json::json!({
        "type": "/docs/errors/capture-conflict",
        "title": "The payment cannot be captured now",
        "status": 409,
        "detail": "the payment is being cancelled",
        "instance": "/payments/capture/1024",
        "code": "CAPTURE_CONFLICT",
        "message": "the payment is being cancelled",
        "paymentId": 1024,
    });
    assert_eq!((reply.status, reply.json()), (409, expected));
    assert_eq!(face.meter.finished(), [(Operation::Capture, "CAPTURE_CONFLICT")]);
}

#[actix_web::test]
async fn retry_after_is_whole_seconds_and_never_too_early() {
    let cases = [
        (ProblemCode::RateLimitExceeded, Duration::from_millis(1), "1"),
        (ProblemCode::RateLimitExceeded, Duration::from_millis(2001), "3"),
        (ProblemCode::PgUnavailable, Duration::from_secs(30), "30"),
        (ProblemCode::StoreUnavailable, Duration::ZERO, "1"),
    ];
    for (code, wait, header) in cases {
        let face = Face::new();
        face.payments.will(Next::Answer(Err(Refusal::for_now(code, "later", wait))));
        let reply = face.post("/api/payments/authorize", AUTHORIZE).await;
        assert_eq!((reply.status, reply.header("retry-after")), (code.status(), Some(header)));
    }
}

#[actix_web::test]
async fn a_panic_behind_the_face_is_a_problem_that_names_the_request() {
    let face = Face::new();
    face.payments.will(Next::Panic);
    let request = post("/api/payments/authorize", AUTHORIZE).insert_header(("X-Request-Id", "r-9"));
    let reply = face.send(request).await;
    assert_eq!((reply.status, reply.code().as_deref()), (500, Some("INTERNAL")));
    assert!(reply.json()["detail"].as_str().unwrap().contains("r-9"));
    assert_eq!(face.meter.finished(), [(Operation::Authorize, "INTERNAL")]);
    assert_eq!(face.meter.in_flight(), [1, 0]);
}

#[actix_web::test]
async fn an_engine_that_never_answers_is_given_up() {
    let face = Face::with_limits(Limits { patience: Duration::from_millis(20), ..Limits::default() });
    face.payments.will(Next::Hang);
    let reply = face.post("/api/payments/authorize", AUTHORIZE).await;
    assert_eq!((reply.status, reply.code().as_deref()), (503, Some("STORE_UNAVAILABLE")));
    assert!(reply.header("retry-after").is_some());
}

#[actix_web::test]
async fn too_many_requests_are_turned_away_before_any_work() {
    let face = Face::with_limits(Limits { max_in_flight: 0, ..Limits::default() });
    let reply = face.send(TestRequest::post().uri("/api/payments/authorize")).await;
    assert_eq!((reply.status, reply.code().as_deref()), (503, Some("OVERLOADED")));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(face.get("/health/live").await.status, 200, "health is never shed");
    assert_eq!(face.meter.finished(), [(Operation::Authorize, "OVERLOADED")]);
}
