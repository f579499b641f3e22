//! Names and headers that every response has.

use actix_web::http::Method;
use actix_web::test::TestRequest;

use crate::support::{Face, post};

const AUTHORIZE: &str = r#"{"merchantId":"m-1","amount":1000,"currency":"KRW","idempotencyKey":"k-1"}"#;

#[actix_web::test]
async fn request_ids_are_echoed_when_they_can_be() {
    let long = "x".repeat(129);
    let cases = [("abc-1", true), ("with space ~!", true), (long.as_str(), false), ("tab\tin it", false)];
    for (id, echoed) in cases {
        let request = TestRequest::get().uri("/health/live").insert_header(("X-Request-Id", id));
        let reply = Face::new().send(request).await;
        let answered = reply.header("x-request-id").unwrap();
        assert_eq!(answered == id, echoed, "{id}");
        assert!(!answered.is_empty());
    }
}

#[actix_web::test]
async fn every_response_has_an_id_and_is_not_stored() {
    let face = Face::new();
    let replies = [
        face.post("/api/payments/authorize", AUTHORIZE).await,
        face.post("/api/payments/authorize", "{").await,
        face.get("/nowhere").await,
        face.get("/api/payments/authorize").await,
    ];
    for reply in &replies {
        assert!(reply.header("x-request-id").is_some());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
}

#[actix_web::test]
async fn the_trace_of_the_caller_goes_on() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let cases = [
        (format!("00-{trace}-00f067aa0ba902b7-01"), true),
        (format!("01-{trace}-00f067aa0ba902b7-01-later"), true),
        (format!("00-{trace}-00f067aa0ba902b7-01-later"), false),
        (format!("ff-{trace}-00f067aa0ba902b7-01"), false),
        (format!("00-{trace}-0000000000000000-01"), false),
        (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
        (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), false),
        ("nonsense".to_owned(), false),
    ];
    for (header, kept) in cases {
        let face = Face::new();
        let request =
            post("/api/payments/authorize", AUTHORIZE).insert_header(("traceparent", header.as_str()));
        assert_eq!(face.send(request).await.status, 200);
        let used = face.payments.callers()[0].trace_id.to_string();
        assert_eq!(used == trace, kept, "{header}");
    }
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_problems() {
    let face = Face::new();
    let cases = [
        (Method::GET, "/", 404, None),
        (Method::GET, "/api", 404, None),
        (Method::POST, "/api/payments/authorise", 405, Some("GET, HEAD")),
        (Method::GET, "/api/payments/authorize", 405, Some("POST")),
        (Method::DELETE, "/api/payments/1024", 405, Some("GET, HEAD")),
        (Method::PUT, "/payments/refund/1024", 405, Some("POST")),
        (Method::POST, "/api/payments", 405, Some("GET, HEAD")),
        (Method::PATCH, "/health/live", 405, Some("GET, HEAD")),
        (Method::GET, "/api/api/payments", 404, None),
    ];
    for (method, path, status, allow) in cases {
        let reply = face.send(TestRequest::with_uri(path).method(method.clone())).await;
        assert_eq!((reply.status, reply.header("allow")), (status, allow), "{method} {path}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{method} {path}");
        assert_eq!(reply.json()["instance"], path);
    }
    assert_eq!(face.payments.calls(), []);
}
