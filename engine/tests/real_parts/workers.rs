//! Workers as processes of their own.

use serde_json::{Value, json};

use crate::client::{Desk, Merchant};
use crate::load::assert_check_is_clean;
use crate::site::Site;

/// A sweep takes up what a dead worker left after two seconds.
const SOON: [(&str, &str); 2] = [("PAYMENT__PAYMENTS__LEASE", "2s"), ("PAYMENT__PG__TIMEOUT", "20s")];

/// Everything but captures.
const ELSE: [&str; 2] = ["--roles", "api,refund,outbox,ledger,recovery"];

/// A worker that dies while the gateway works for it: the next one asks what became of it, and sends nothing.
#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn a_capture_whose_worker_died_is_asked_about_and_not_repeated() {
    let site = Site::new();
    let face = site.engine_with(&ELSE, &SOON);
    let mut worker = site.engine_with(&["--roles", "settlement"], &SOON);
    assert_eq!(worker.public, "", "only the role api takes payments");
    let shop = Merchant::new(&face, "shop-1");
    let first = shop.authorized("first", 1_000, json!({"captureMode": "automatic"})).await;
    shop.until_status(first, "CAPTURED").await;

    let id = shop.authorized("second", 1_000, json!({})).await;
    let fault = json!({"operation": "capture", "fault": "late-answer", "count": 1, "delayMs": 60_000});
    assert!(site.pg().post("/v1/faults", fault).await.status < 300);
    assert_eq!(shop.command("capture", id, json!({})).await.status, 200);
    while captures(&site.pg(), id).await.is_empty() {}
    worker.kill();
    assert_eq!(shop.get(id).await["status"], "CAPTURE_REQUESTED", "nobody has heard of the gateway's answer");

    // Whoever sends a capture from now on is declined, unless the gateway knows its key.
    let fault = json!({"operation": "capture", "fault": "decline", "count": 1_000});
    assert!(site.pg().post("/v1/faults", fault).await.status < 300);
    worker.restart();
    shop.until_status(id, "CAPTURED").await;
    let found = captures(&site.pg(), id).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["key"], &found[0]["result"]),
        (&json!(format!("{id}:capture:2:1")), &json!("approved"))
    );
    // A breaker judges what is sent; questions pass it by.
    let metrics = metrics(&worker.operator).await;
    assert!(
        metrics.contains("pg_request_duration_seconds_count{operation=\"capture\""),
        "it asked: {metrics}"
    );
    assert!(
        !metrics.contains("circuit_breaker_calls_total{name=\"pg-capture\""),
        "it sent nothing: {metrics}"
    );
    assert_check_is_clean(&face).await;
}

/// The gateway's record of a payment's captures.
async fn captures(pg: &Desk, id: u64) -> Vec<Value> {
    let record = pg.record().await.into_iter();
    record.filter(|entry| entry["paymentId"] == id && entry["operation"] == "capture").collect()
}

async fn metrics(operator: &str) -> String {
    let page = Desk::at(operator).get("/metrics").await;
    String::from_utf8(page.bytes).expect("metrics are text")
}
