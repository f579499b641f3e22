//! Every record of every topic fits its JSON Schema and has its headers.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Desk, Merchant};
use crate::site::Site;
use crate::topics::{self, Found};

/// Lives in which everything happens that is told.
#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn every_record_fits_its_schema_and_has_its_headers() {
    let site = Site::new();
    let engine = site.engine(&[]);
    let (shop, pg) = (Merchant::new(&engine, "shop-1"), site.pg());

    let id = shop.authorized("refunded", 1_000, json!({})).await;
    fault(&pg, "capture", "failed", 2).await;
    shop.command("capture", id, json!({"amount": 900})).await;
    shop.until_status(id, "CAPTURED").await;
    fault(&pg, "refund", "failed", 1).await;
    for (amount, status) in [(400, "PARTIAL_REFUNDED"), (500, "REFUNDED")] {
        shop.command("refund", id, json!({"reason": format!("part {amount}"), "amount": amount})).await;
        shop.until_status(id, status).await;
    }

    fault(&pg, "authorize", "decline", 1).await;
    assert_eq!(shop.authorize("declined", 1_000, json!({})).await.expect("an answer").status, 402);

    let id = shop.authorized("cancelled", 1_000, json!({})).await;
    fault(&pg, "void", "failed", 1).await;
    shop.command("cancel", id, json!({"reason": "changed my mind"})).await;
    shop.until_status(id, "CANCELLED").await;

    let id = shop.authorized("capture given up", 1_000, json!({})).await;
    fault(&pg, "capture", "decline", 1).await;
    shop.command("capture", id, json!({})).await;
    site.until("SELECT COUNT(*) FROM dead_letter WHERE topic = 'settlement.dlq'", |letters| letters == 1)
        .await;

    let id = shop.authorized("void given up", 1_000, json!({})).await;
    fault(&pg, "void", "decline", 1).await;
    shop.command("cancel", id, json!({"reason": "changed my mind"})).await;
    site.until("SELECT COUNT(*) FROM dead_letter WHERE topic = 'refund.dlq'", |letters| letters == 1).await;

    site.until_published().await;
    let place = Arc::clone(&site.place);
    let found = tokio::task::spawn_blocking(move || topics::read(&place)).await.expect("the topics are read");
    let mut seen = BTreeSet::new();
    for record in &found {
        let value = assert_fits(record);
        if let Some(payment) = value["paymentId"].as_u64() {
            assert_eq!(record.key, payment.to_string().as_bytes(), "the key is the payment's id");
        }
        seen.insert(record.topic);
    }
    // Of the poisonous there are tests of their own.
    let missing: Vec<&str> =
        topics::names().filter(|name| !seen.contains(name) && *name != "payment.dlq").collect();
    assert!(missing.is_empty(), "nothing was published on {missing:?}");
}

async fn fault(pg: &Desk, operation: &str, fault: &str, count: u32) {
    let body = json!({"operation": operation, "fault": fault, "count": count});
    assert!(pg.post("/v1/faults", body).await.status < 300);
}

/// Panics unless a record is what the schema of its topic says, and has its headers; its value.
pub(crate) fn assert_fits(record: &Found) -> Value {
    let schema =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../schema/events/{}.json", record.topic));
    let schema = std::fs::read_to_string(schema).expect("every topic has a schema");
    let schema = serde_json::from_str(&schema).expect("schemas are JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("a JSON Schema");
    let value: Value = serde_json::from_slice(&record.value).expect("records are JSON");
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{}: {errors:?} in {value}", record.topic);

    let header = |name: &str| {
        let value = record.headers.get(name).unwrap_or_else(|| panic!("no header {name} in {record:?}"));
        std::str::from_utf8(value).expect("headers are text")
    };
    assert_eq!(header("schemaVersion"), "1");
    let event_id = uuid::Uuid::parse_str(header("eventId")).expect("an event's id is a uuid");
    if value.get("eventSeq").is_some() {
        assert_eq!(value["eventId"], event_id.to_string());
    }
    // W3C trace context: version, trace, parent, flags.
    let lengths: Vec<usize> = header("traceparent").split('-').map(str::len).collect();
    assert_eq!(lengths, [2, 32, 16, 2], "{}", header("traceparent"));
    value
}
