//! The JSON Schemas themselves: one per topic, strict, with the fields that consumers rely on. That every event and
//! letter fits its schema is checked wherever one is decided, in `tests/support/`.

use std::collections::BTreeSet;

use payment_schema::topic::Topic;
use serde_json::{Map, Value, json};

use crate::schemas;

/// In every event.
const EVENT: [&str; 11] = [
    "eventType",
    "eventId",
    "eventSeq",
    "paymentId",
    "merchantId",
    "version",
    "operationNo",
    "status",
    "amount",
    "currency",
    "occurredAt",
];

/// In every letter about an operation.
const LETTER: [&str; 12] = [
    "paymentId",
    "operation",
    "operationNo",
    "retryCount",
    "status",
    "pgResponseCode",
    "pgResponseMessage",
    "errorType",
    "errorMessage",
    "requestedAt",
    "lastRetryAt",
    "timestamp",
];

const fn own_fields(topic: Topic) -> &'static [&'static str] {
    match topic {
        Topic::Authorized => &["approvalNumber", "transactionId"],
        Topic::CaptureRequested => &["approvalNumber", "transactionId", "captureAmount"],
        Topic::Captured => &["capturedAmount", "pgTransactionId"],
        Topic::RefundRequested => &["refundId", "refundAmount", "reason"],
        Topic::Refunded => &["refundId", "refundAmount", "refundedTotal"],
        Topic::Cancelled => &["reason"],
        Topic::AuthorizationFailed | Topic::CaptureFailed | Topic::RefundFailed | Topic::CancelFailed => {
            &["attempt", "reasonCode", "willRetry", "nextAttemptAt"]
        }
        Topic::SettlementDlq => &["settlementRequestId", "requestAmount"],
        Topic::RefundDlq => &["refundRequestId", "refundAmount", "refundReason"],
        Topic::PaymentDlq => &[
            "originalTopic",
            "partition",
            "offset",
            "payload",
            "payloadEncoding",
            "payloadBytes",
            "payloadTruncated",
            "errorType",
            "errorMessage",
            "timestamp",
        ],
    }
}

fn fields(topic: Topic) -> BTreeSet<&'static str> {
    let common: &[&str] = match topic {
        Topic::PaymentDlq => &[],
        Topic::SettlementDlq | Topic::RefundDlq => &LETTER,
        Topic::Authorized
        | Topic::CaptureRequested
        | Topic::Captured
        | Topic::RefundRequested
        | Topic::Refunded
        | Topic::Cancelled
        | Topic::AuthorizationFailed
        | Topic::CaptureFailed
        | Topic::RefundFailed
        | Topic::CancelFailed => &EVENT,
    };
    common.iter().chain(own_fields(topic)).copied().collect()
}

#[test]
fn every_topic_has_its_schema_and_no_schema_is_without_a_topic() {
    let expected: BTreeSet<String> = Topic::ALL.into_iter().map(|topic| format!("{topic}.json")).collect();
    let entries = std::fs::read_dir(schemas::folder()).expect("the folder of schemas");
    let names =
        entries.map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned());
    assert_eq!(names.collect::<BTreeSet<String>>(), expected);
}

#[test]
fn schemas_are_strict_and_hold_exactly_the_promised_fields() {
    for topic in Topic::ALL {
        let schema = schemas::read(topic);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{topic}");
        assert_eq!(schema["title"], topic.as_str());
        assert_eq!(schema["additionalProperties"], false, "{topic}");
        let required = schema["required"].as_array().expect("a list").iter().filter_map(Value::as_str);
        assert_eq!(required.collect::<BTreeSet<_>>(), fields(topic), "{topic}");
        let properties = schema["properties"].as_object().expect("an object").keys().map(String::as_str);
        assert_eq!(properties.collect::<BTreeSet<_>>(), fields(topic), "{topic}");
        assert!(jsonschema::draft202012::meta::is_valid(&schema), "{topic} is no JSON Schema");
    }
}

/// A value of each field, taken from the schema itself.
fn sample(topic: Topic) -> Map<String, Value> {
    let schema = schemas::read(topic);
    let named = |reference: &str| schema.pointer(reference.trim_start_matches('#')).cloned();
    let mut value = Map::new();
    for (name, property) in schema["properties"].as_object().expect("an object") {
        let property = property["$ref"].as_str().and_then(named).unwrap_or_else(|| property.clone());
        value.insert(name.clone(), value_of(name, &property));
    }
    value
}

fn value_of(name: &str, property: &Value) -> Value {
    if let Some(constant) = property.get("const") {
        return constant.clone();
    }
    if let Some(allowed) = property.get("enum") {
        return allowed[0].clone();
    }
    match name {
        "eventId" => json!("0fc6dd2b-9a86-5cbc-9b7c-0b4a3d4c2a11"),
        "currency" => json!("USD"),
        "refundId" | "refundRequestId" | "settlementRequestId" => json!("1024-3"),
        "occurredAt" | "requestedAt" | "lastRetryAt" | "timestamp" => json!("2026-01-01T00:00:00.000000Z"),
        "nextAttemptAt" => Value::Null,
        _ => match property["type"].as_str().or(property["type"][0].as_str()) {
            Some("integer") => json!(1),
            Some("boolean") => json!(false),
            _ => json!("text"),
        },
    }
}

fn fits(topic: Topic, value: &Map<String, Value>) -> bool {
    let validator = jsonschema::draft202012::new(&schemas::read(topic)).expect("a JSON Schema");
    validator.is_valid(&Value::Object(value.clone()))
}

#[test]
fn what_does_not_fit_is_refused() {
    for topic in Topic::ALL {
        let sample = sample(topic);
        assert!(fits(topic, &sample), "{topic}: {sample:?}");
        for name in sample.keys() {
            let mut without = sample.clone();
            without.remove(name);
            assert!(!fits(topic, &without), "{topic} without {name}");
            let mut twisted = sample.clone();
            twisted.insert(name.clone(), json!({"not": "expected"}));
            assert!(!fits(topic, &twisted), "{topic} with an object as {name}");
        }
        let mut with_more = sample.clone();
        with_more.insert("cardNumber".to_owned(), json!("4111111111111111"));
        assert!(!fits(topic, &with_more), "{topic} with a field nobody knows");
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (topic, name, value) in [
        (Topic::Captured, "capturedAmount", json!(0)),
        (Topic::Captured, "capturedAmount", json!("500")),
        (Topic::Captured, "capturedAmount", json!(10_000_000_000_000_u64)),
        (Topic::Captured, "paymentId", json!(9_007_199_254_740_992_u64)),
        (Topic::Captured, "currency", json!("usd")),
        (Topic::Captured, "status", json!("REFUNDED")),
        (Topic::Captured, "occurredAt", json!("2026-01-01T00:00:00Z")),
        (Topic::Captured, "eventSeq", json!(0)),
        (Topic::Captured, "eventType", json!("PAYMENT_REFUNDED")),
        (Topic::Refunded, "refundId", json!("3")),
        (Topic::CaptureFailed, "willRetry", json!(true)),
        (Topic::CaptureFailed, "nextAttemptAt", json!("2026-01-01T00:00:00.000000Z")),
        (Topic::AuthorizationFailed, "willRetry", json!(true)),
        (Topic::RefundDlq, "operation", json!("capture")),
        (Topic::SettlementDlq, "errorType", json!("BAD_LUCK")),
    ] {
        let mut sample = sample(topic);
        sample.insert(name.to_owned(), value.clone());
        assert!(!fits(topic, &sample), "{topic} with {name} {value}");
    }
}
