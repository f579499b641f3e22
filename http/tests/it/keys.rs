//! API keys on both listeners: when they are asked for, which are taken, and who is turned away how.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::test::{self, TestRequest};
use actix_web::{App, web};
use payment_http::operator;
use payment_http::public::Limits;
use payment_http::{Audience, KeyRing, Reach};
use payment_schema::api_key::{ApiKey, KeyDigest, KeyScope};
use payment_schema::ids::MerchantId;
use payment_schema::text::KeyLabel;
use payment_schema::time::Timestamp;

use crate::support::desk::Desk;
use crate::support::{Face, Reply, post};

/// The merchant whose payment 1024 the fake knows.
const SHOP: &str = "shop & co/1";
const QUERY: &str = "merchantId=shop+%26%20co%2F1";
const ACT: &str = r#"{"path":"root/child/1","reason":"drill"}"#;

fn key(scope: KeyScope, secret: &str) -> ApiKey {
    ApiKey {
        scope,
        label: None,
        digest: KeyDigest::of(secret),
        created_at: Timestamp::from_micros(0),
        revoked_at: None,
    }
}

fn of(merchant: &str, secret: &str) -> ApiKey {
    key(KeyScope::Merchant(MerchantId::parse(merchant).unwrap()), secret)
}

fn operators(secret: &str) -> ApiKey {
    key(KeyScope::Operator, secret)
}

fn revoked(key: ApiKey) -> ApiKey {
    ApiKey { revoked_at: Some(Timestamp::from_micros(1)), ..key }
}

fn ring(keys: impl IntoIterator<Item = ApiKey>) -> Arc<KeyRing> {
    let ring = Arc::<KeyRing>::default();
    ring.learn(keys);
    ring
}

fn face(keys: impl IntoIterator<Item = ApiKey>, reach: Reach) -> Face {
    Face::with_keys(Limits::default(), ring(keys), reach)
}

/// Every operation on payments, for a merchant.
fn operations(merchant: &str) -> Vec<TestRequest> {
    let body = |more: &str| format!(r#"{{"merchantId":"{merchant}"{more}}}"#);
    let query = if merchant == SHOP { QUERY.to_owned() } else { format!("merchantId={merchant}") };
    let get = |path: &str| TestRequest::get().uri(&format!("/api/payments{path}?{query}"));
    let authorize = body(r#","amount":1,"currency":"USD","idempotencyKey":"k""#);
    vec![
        post("/api/payments/authorize", &authorize),
        post("/payments/capture/1024", &body("")),
        post("/api/payments/refund/1024", &body(r#","reason":"r""#)),
        post("/api/payments/cancel/1024", &body(r#","reason":"r""#)),
        get(""),
        get("/1024"),
        get("/1024/history"),
    ]
}

fn with(request: TestRequest, authorization: &str) -> TestRequest {
    request.insert_header(("Authorization", authorization))
}

fn told(reply: &Reply) -> (u16, Option<&str>) {
    (reply.status, reply.header("www-authenticate"))
}

#[actix_web::test]
async fn every_operation_takes_the_keys_of_its_merchant_alone() {
    let keys = [of(SHOP, "first"), of(SHOP, "second"), of("m-2", "other"), operators("console")];
    let face = face(keys, Reach::Loopback);
    let cases = [
        ("Bearer first", 200),
        ("bearer  second", 200),
        ("Bearer other", 403),
        ("Bearer console", 403),
        ("Bearer First", 401),
        ("Bearer third", 401),
    ];
    for (authorization, status) in cases {
        for request in operations(SHOP) {
            let reply = face.send(with(request, authorization)).await;
            assert_eq!(reply.status, status, "{authorization}: {:?}", reply.code());
        }
    }
    for request in operations("m-2") {
        let reply = face.send(with(request, "Bearer first")).await;
        assert_eq!((reply.status, reply.code().as_deref()), (403, Some("FORBIDDEN")));
    }
}

#[actix_web::test]
async fn who_cannot_be_told_is_asked_for_a_key() {
    let face = face([of(SHOP, "first")], Reach::Loopback);
    for request in operations(SHOP) {
        let reply = face.send(request).await;
        assert_eq!(told(&reply), (401, Some("Bearer")));
        assert_eq!(reply.code().as_deref(), Some("UNAUTHENTICATED"));
    }
    let malformed = Some("Bearer error=\"invalid_request\"");
    let unknown = Some("Bearer error=\"invalid_token\"");
    for (authorization, challenge) in [
        ("Bearer", malformed),
        ("Bearer ", malformed),
        ("Basic first", malformed),
        ("first", malformed),
        ("Bearer firs", unknown),
        ("Bearer first first", unknown),
        ("Bearer \"first\"", unknown),
    ] {
        let request = with(TestRequest::get().uri(&format!("/api/payments?{QUERY}")), authorization);
        assert_eq!(told(&face.send(request).await), (401, challenge), "{authorization:?}");
    }
    let twice = TestRequest::get().uri(&format!("/api/payments?{QUERY}"));
    let twice = with(twice, "Bearer first").append_header(("Authorization", "Bearer first"));
    assert_eq!(told(&face.send(twice).await), (401, malformed));
    assert_eq!(face.payments.calls(), [], "nobody got through");
}

#[actix_web::test]
async fn a_key_is_asked_for_before_the_request_is_read() {
    let face = face([of(SHOP, "first")], Reach::Loopback);
    for request in [
        post("/api/payments/authorize", "not json"),
        post("/api/payments/capture/1024", "{}").insert_header(("content-type", "text/plain")),
        TestRequest::get().uri("/api/payments?limit=x"),
    ] {
        assert_eq!(face.send(request).await.status, 401);
    }
    let readable = with(post("/api/payments/authorize", "not json"), "Bearer first");
    assert_eq!(face.send(readable).await.code().as_deref(), Some("MALFORMED_JSON"));
}

#[actix_web::test]
async fn health_and_documents_are_open_to_all() {
    let face = face([], Reach::Network);
    for path in ["/health/live", "/health/ready", "/openapi.json", "/docs", "/docs/errors/unauthenticated"] {
        assert_eq!(face.get(path).await.status, 200, "{path}");
    }
    assert_eq!(face.get("/nowhere").await.status, 404);
}

#[actix_web::test]
async fn when_keys_are_asked_for() {
    let made = || of("m-9", "first");
    let cases: [(&str, Vec<ApiKey>, Reach, u16); 5] = [
        ("no key was made", vec![], Reach::Loopback, 200),
        ("keys of others were made", vec![operators("console")], Reach::Loopback, 200),
        ("a key was made", vec![made()], Reach::Loopback, 401),
        ("the last key was revoked", vec![made(), revoked(made())], Reach::Loopback, 401),
        ("there is no key for others to have", vec![], Reach::Network, 401),
    ];
    for (case, keys, reach, status) in cases {
        let face = face(keys, reach);
        for request in operations(SHOP) {
            assert_eq!(face.send(request).await.status, status, "{case}");
        }
    }
}

#[actix_web::test]
async fn keys_change_while_requests_are_served() {
    let ring = ring([]);
    let face = Face::with_keys(Limits::default(), Arc::clone(&ring), Reach::Loopback);
    let ask = async |authorization: &str| {
        let request = with(TestRequest::get().uri(&format!("/api/payments?{QUERY}")), authorization);
        face.send(request).await.status
    };
    assert_eq!(ask("Bearer old").await, 200, "nobody is asked yet");
    ring.learn([of(SHOP, "old")]);
    assert_eq!((ask("Bearer old").await, ask("Bearer new").await), (200, 401));
    ring.learn([of(SHOP, "new")]);
    assert_eq!((ask("Bearer old").await, ask("Bearer new").await), (200, 200), "both live during a rotation");
    ring.learn([revoked(of(SHOP, "old"))]);
    assert_eq!((ask("Bearer old").await, ask("Bearer new").await), (401, 200));
    assert!(ring.has_live(Audience::Merchants) && !ring.has_live(Audience::Operators));
}

#[actix_web::test]
async fn the_operator_listener_takes_keys_of_operators_alone() {
    let keys = [operators("console"), of(SHOP, "first")];
    let desk = Desk::open_with_keys(ring(keys), Reach::Loopback).await;
    let requests = || {
        let get = |path: &str| TestRequest::get().uri(path);
        [
            (get("/api/admin/actors"), 200),
            (get("/api/admin/actors/stream?path=root/nobody"), 404),
            (get("/api/admin/audit"), 200),
            (get("/stats/overview"), 200),
            (get("/metrics"), 200),
            (get("/actuator/prometheus"), 200),
            (get("/nowhere"), 404),
            (post("/metrics", ""), 405),
            (post("/api/admin/actors/pause", ACT), 202),
        ]
    };
    for (request, status) in requests() {
        assert_eq!(desk.send(with(request, "Bearer console")).await.status, status);
    }
    for (request, _) in requests() {
        assert_eq!(told(&desk.send(request).await), (401, Some("Bearer")));
    }
    for (request, _) in requests() {
        let reply = desk.send(with(request, "Bearer first")).await;
        assert_eq!((reply.status, reply.code().as_deref()), (403, Some("FORBIDDEN")));
    }
    assert_eq!(desk.operator.acts().len(), 1, "nobody else acted");
    assert_eq!(desk.get("/actuator/health").await.status, 200, "probes carry no keys");
    desk.close().await;
}

#[actix_web::test]
async fn a_stream_ends_with_its_key() {
    let ring = ring([operators("console")]);
    let desk = Desk::open_with_keys(Arc::clone(&ring), Reach::Network).await;
    let state = desk.state.clone();
    let configure = move |config: &mut web::ServiceConfig| operator::configure(config, &state);
    let app = test::init_service(App::new().configure(configure)).await;
    let request = with(TestRequest::get().uri("/api/admin/actors/stream?depth=0"), "Bearer console");
    let mut body = Box::pin(test::call_service(&app, request.to_request()).await.into_body());
    let mut next = async || std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
    assert!(next().await.unwrap().unwrap().starts_with(b"event: tree\n"));
    ring.learn([revoked(operators("console"))]);
    assert!(next().await.unwrap().unwrap().starts_with(b"event: gone\n"));
    assert!(next().await.is_none());
    desk.close().await;
}

#[actix_web::test]
async fn acts_are_audited_by_the_name_of_the_key() {
    let label = Some(KeyLabel::parse("alice").unwrap());
    let [named, plain] = [ApiKey { label, ..operators("named") }, operators("plain")];
    let ids = [format!("alice (key {})", named.id()), format!("key {}", plain.id())];
    let ring = ring([named, plain]);
    let desk = Desk::open_with_keys(ring, Reach::Network).await;
    for secret in ["named", "plain"] {
        let request = with(post("/api/admin/actors/pause", ACT), &format!("Bearer {secret}"));
        assert_eq!(desk.send(request).await.status, 202);
    }
    assert_eq!(desk.operator.actors(), ids);
    desk.close().await;
}
