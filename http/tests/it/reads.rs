//! Questions: one payment, its history, lists page by page, health.

use payment_http::Operation;
use payment_schema::status::Status;
use payment_schema::time::Timestamp;

use crate::support::Face;
use crate::support::fake_payments::Call;
use crate::support::samples::merchant;

const MERCHANT: &str = "merchantId=shop+%26%20co%2F1";

#[actix_web::test]
async fn a_payment_is_shown_with_entries_and_notes() {
    let face = Face::new();
    let reply = face.get(&format!("/api/payments/1024?{MERCHANT}")).await;
    let body = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(body["paymentId"], 1024);
    assert_eq!(body["merchantId"], "shop & co/1");
    assert_eq!(body["ledgerEntries"].as_array().unwrap().len(), 2);
    assert_eq!(body["refunds"][0]["refundId"], "1024-3");
    assert_eq!(body["metadata"]["basket"], "42");
    assert_eq!(face.meter.finished(), [(Operation::Payment, "ok")]);
}

#[actix_web::test]
async fn another_merchants_payment_is_not_found() {
    let reply = Face::new().get("/api/payments/1024?merchantId=thief").await;
    assert_eq!((reply.status, reply.code().as_deref()), (404, Some("NOT_FOUND")));
}

#[actix_web::test]
async fn history_starts_from_null() {
    let reply = Face::new().get(&format!("/payments/1024/history?{MERCHANT}")).await;
    let body = reply.json();
    assert_eq!((reply.status, &body["paymentId"]), (200, &1024.into()));
    let expected = serde_json::json!([
        {"version": 1, "from": null, "to": "READY", "cause": {"kind": "api", "reason": "authorize"},
         "at": "2026-01-31T12:00:00.000000Z", "traceId": "00000000000000000000000000000007",
         "operationNo": 1, "attempt": 1},
        {"version": 2, "from": "READY", "to": "AUTHORIZED", "cause": {"kind": "api", "reason": "authorize"},
         "at": "2026-01-31T12:00:00.000000Z", "traceId": "00000000000000000000000000000007",
         "operationNo": 1, "attempt": 1},
    ]);
    assert_eq!(body["transitions"], expected);
}

#[actix_web::test]
async fn a_list_is_read_page_by_page() {
    let face = Face::new();
    *face.payments.listed.lock() = vec![5, 4, 3, 2, 1];
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let more = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = face.get(&format!("/api/payments?{MERCHANT}&limit=2{more}")).await.json();
        let ids: Vec<u64> = page["payments"].as_array().unwrap().iter().map(id_of).collect();
        assert!(ids.len() <= 2);
        seen.extend(ids);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

fn id_of(payment: &serde_json::Value) -> u64 {
    payment["paymentId"].as_u64().unwrap()
}

#[actix_web::test]
async fn filters_reach_the_engine() {
    let face = Face::new();
    let query = format!(
        "{MERCHANT}&status=PARTIAL_REFUNDED&from=2026-01-01T00:00:00Z&to=2026-02-01T01%3A00%3A00%2B01:00"
    );
    assert_eq!(face.get(&format!("/api/payments?{query}")).await.status, 200);
    let calls = face.payments.calls();
    let [Call::List(filter)] = calls.as_slice() else { panic!("one list: {calls:?}") };
    assert_eq!(filter.merchant_id, merchant());
    assert_eq!(filter.status, Some(Status::PartialRefunded));
    assert_eq!(filter.from, Some(Timestamp::parse("2026-01-01T00:00:00Z").unwrap()));
    assert_eq!(filter.to, Some(Timestamp::parse("2026-02-01T00:00:00Z").unwrap()));
    assert_eq!((filter.below, filter.limit), (None, 51), "one more than the page tells of the next");
}

#[actix_web::test]
async fn a_cursor_belongs_to_its_list() {
    let face = Face::new();
    *face.payments.listed.lock() = vec![5, 4, 3];
    let page = face.get(&format!("/api/payments?{MERCHANT}&limit=1")).await.json();
    let cursor = page["nextCursor"].as_str().unwrap();
    let cases = [
        (format!("{MERCHANT}&limit=2&cursor={cursor}"), 200),
        (format!("{MERCHANT}&status=READY&cursor={cursor}"), 400),
        (format!("merchantId=other&cursor={cursor}"), 400),
        (format!("{MERCHANT}&cursor={}", cursor.replace(|c: char| c.is_ascii_digit(), "A")), 400),
    ];
    for (query, status) in cases {
        let reply = face.get(&format!("/api/payments?{query}")).await;
        assert_eq!(reply.status, status, "{query}");
        if status == 400 {
            assert_eq!(reply.fields(), ["cursor"], "{query}");
        }
    }
}

#[actix_web::test]
async fn readiness_names_what_fails() {
    let face = Face::new();
    assert_eq!(face.get("/health/ready").await.status, 200);
    face.payments.unready.lock().push("journal: the store does not answer".to_owned());
    let reply = face.get("/health/ready").await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["notReady"][0], "journal: the store does not answer");
    assert_eq!(face.get("/api/health/live").await.status, 200);
}
