//! Requests that are not as they should be: the status, and words that name the part at fault.

use serde_json::{Value, json};

use crate::client::{Simulator, authorize};

const KEY: &str = "1:authorize:1:1";
const VOID: &str = "1:void:2:1";

/// (key, members changed in a valid body or null to drop one, words of the message)
fn bodies() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (KEY, json!({"paymentId": null}), "paymentId"),
        (KEY, json!({"paymentId": "1"}), "invalid type: string"),
        (KEY, json!({"paymentId": 1.5}), "invalid type: floating point"),
        (KEY, json!({"paymentId": -1}), "-1"),
        (KEY, json!({"paymentId": 2}), "paymentId is 2 but the header Idempotency-Key names payment 1"),
        (KEY, json!({"merchantId": null}), "merchantId"),
        (KEY, json!({"merchantId": 7}), "invalid type: integer"),
        (KEY, json!({"merchantId": ""}), "merchantId must be"),
        (KEY, json!({"merchantId": "x".repeat(33)}), "merchantId must be"),
        (KEY, json!({"merchantId": "café"}), "merchantId must be"),
        (KEY, json!({"merchantId": "a\u{7}"}), "merchantId must be"),
        (KEY, json!({"amount": null}), "amount"),
        (KEY, json!({"amount": 0}), "amount must be"),
        (KEY, json!({"amount": -5}), "-5"),
        (KEY, json!({"amount": 10_000_000_000_000_u64}), "amount must be"),
        (KEY, json!({"amount": 1e3}), "invalid type: floating point"),
        (KEY, json!({"amount": "1000"}), "invalid type: string"),
        (KEY, json!({"currency": null}), "currency"),
        (KEY, json!({"currency": "krw"}), "currency must be"),
        (KEY, json!({"currency": "KR"}), "currency must be"),
        (KEY, json!({"currency": 410}), "invalid type: integer"),
        (KEY, json!({"colour": "red"}), "unknown field `colour`"),
        (KEY, json!({"transactionId": "txn-000000000001"}), "takes neither"),
        (KEY, json!({"authorizationKey": KEY}), "takes neither"),
        ("1:capture:2:1", json!({}), "transactionId is missing"),
        ("1:capture:2:1", json!({"transactionId": ""}), "transactionId must be"),
        ("1:capture:2:1", json!({"transactionId": "x".repeat(65)}), "transactionId must be"),
        ("1:capture:2:1", json!({"authorizationKey": KEY}), "for voids only"),
        ("1:refund:2:1", json!({"authorizationKey": KEY}), "for voids only"),
        (VOID, json!({}), "transactionId is missing"),
        (VOID, json!({"authorizationKey": "nonsense"}), "authorizationKey is not of the form"),
        (VOID, json!({"authorizationKey": "1:capture:1:1"}), "authorizationKey must be"),
        (VOID, json!({"authorizationKey": "2:authorize:1:1"}), "authorizationKey must be"),
        (VOID, json!({"authorizationKey": KEY, "transactionId": "txn-000000000001"}), "not both"),
        ("1:authorize:0:1", json!({}), "not of the form"),
        ("01:authorize:1:1", json!({}), "not of the form"),
        ("x:authorize:1:1", json!({}), "not of the form"),
    ]
}

#[actix_web::test]
async fn a_bad_request_is_refused_in_words_and_leaves_no_trace() {
    let simulator = Simulator::start().await;
    for (key, changes, words) in bodies() {
        let mut body = authorize(1);
        for (member, value) in changes.as_object().unwrap() {
            let members = body.as_object_mut().unwrap();
            if value.is_null() {
                members.remove(member)
            } else {
                members.insert(member.clone(), value.clone())
            };
        }
        let operation = key.split(':').nth(1).unwrap();
        refused(&simulator, operation, Some(key), body.to_string(), 400, words).await;
    }
    let good = authorize(1).to_string();
    let twice = good.replacen('{', r#"{"amount":1,"#, 1);
    refused(&simulator, "authorize", Some(KEY), String::new(), 400, "EOF").await;
    refused(&simulator, "authorize", Some(KEY), "[1]".into(), 400, "invalid").await;
    refused(&simulator, "authorize", Some(KEY), good[1..].to_owned(), 400, "invalid").await;
    refused(&simulator, "authorize", Some(KEY), twice, 400, "duplicate field `amount`").await;
    refused(&simulator, "authorize", Some(KEY), " ".repeat(20_000), 413, "larger than").await;
    refused(&simulator, "authorize", None, good.clone(), 400, "Idempotency-Key is missing").await;
    refused(&simulator, "authorize", Some(VOID), good.clone(), 400, "names void but the path says authorize")
        .await;
    refused(&simulator, "settle", Some(KEY), good, 404, "nothing at /v1/settle").await;
    assert!(simulator.record().await.is_empty());
    simulator.stop().await;
}

async fn refused(
    simulator: &Simulator,
    path: &str,
    key: Option<&str>,
    body: String,
    status: u16,
    words: &str,
) {
    let case = format!("{path} {key:?} {}", body.get(..200).unwrap_or(&body));
    let mut request = simulator.http.post(simulator.url(&format!("/v1/{path}"))).body(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), status, "{case}");
    let error: Value = response.json().await.unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(words), "{case}: {message}");
    assert!(error["code"].is_string(), "{case}");
}

#[actix_web::test]
async fn queries_and_scripts_are_checked_too() {
    let simulator = Simulator::start().await;
    for path in ["/v1/record?limit=0", "/v1/record?limit=x", "/v1/record?after=-1", "/v1/record?since=1"] {
        assert_eq!(simulator.http.get(simulator.url(path)).send().await.unwrap().status(), 400, "{path}");
    }
    for (path, status) in [("/v1/operations/nonsense", 404), ("/nowhere", 404), ("/v1/authorize", 405)] {
        assert_eq!(simulator.http.get(simulator.url(path)).send().await.unwrap().status(), status, "{path}");
    }
    for fault in [
        json!({}),
        json!({"operation": "capture", "count": 1}),
        json!({"operation": "capture", "fault": "explode", "count": 1}),
        json!({"operation": "settle", "fault": "failed", "count": 1}),
        json!({"operation": "capture", "fault": "failed"}),
        json!({"operation": "capture", "fault": "failed", "count": 0}),
        json!({"operation": "capture", "fault": "failed", "count": 1, "probability": 0.5}),
        json!({"operation": "capture", "fault": "failed", "probability": 0.0}),
        json!({"operation": "capture", "fault": "failed", "probability": 1.1}),
        json!({"operation": "capture", "fault": "failed", "count": 1, "delayMs": 600_001}),
        json!({"operation": "capture", "fault": "failed", "count": 1, "delay": 1}),
    ] {
        let response = simulator.http.post(simulator.url("/v1/faults")).json(&fault).send().await.unwrap();
        assert_eq!(response.status(), 400, "{fault}");
        let error: Value = response.json().await.unwrap();
        assert!(error["message"].is_string(), "{fault}");
    }
    assert_eq!(simulator.get("/v1/faults").await.answer(), json!({"faults": []}));
    simulator.stop().await;
}
