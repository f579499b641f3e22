//! Every scripted fault, for every operation: what the client sees, what was done, and what a repeat says.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Outcome, Simulator, authorize, movement};

const OPERATIONS: [&str; 4] = ["authorize", "capture", "refund", "void"];

/// What the client that meets the fault sees.
enum Seen {
    /// An answer with this status.
    Status(&'static str),
    /// The approval, with an amount one too high.
    OneTooMuch,
    NotJson,
    ServerError,
    NoAnswer,
}

/// (fault, what is seen, what the query for the key says afterwards)
const FAULTS: [(&str, Seen, Option<&str>); 10] = [
    ("failed", Seen::Status("failed"), Some("failed")),
    ("decline", Seen::Status("declined"), Some("declined")),
    ("server-error", Seen::ServerError, None),
    ("connection-reset", Seen::NoAnswer, None),
    ("timeout-before", Seen::NoAnswer, None),
    ("timeout-after", Seen::NoAnswer, Some("approved")),
    ("late-answer", Seen::Status("approved"), Some("approved")),
    ("malformed-json", Seen::NotJson, Some("approved")),
    ("wrong-amount", Seen::OneTooMuch, Some("approved")),
    ("duplicate-answer", Seen::Status("approved"), Some("approved")),
];

#[actix_web::test]
async fn every_fault_strikes_every_operation_as_described() {
    for (fault, seen, recorded) in &FAULTS {
        let simulator = Simulator::start().await;
        for (payment, operation) in (1..).zip(OPERATIONS) {
            let (key, body) = prepared(&simulator, payment, operation).await;
            // Delays keep the faults that wait from waiting their usual time.
            simulator
                .script(&json!({"operation": operation, "fault": fault, "count": 1, "delayMs": 20}))
                .await;
            let case = format!("{fault} on {operation}");
            check_seen(&simulator.post(&key, &body).await, seen, &case);
            let found = simulator.look_up(&key).await;
            assert_eq!(found.as_ref().map(|answer| answer["status"].as_str().unwrap()), *recorded, "{case}");
            if let Some(answer) = &found {
                assert_eq!(answer["amount"], 1_000, "{case}");
                assert_eq!(answer["retryable"], *fault == "failed", "{case}");
            }
            let repeated = simulator.post(&key, &body).await.answer();
            assert_eq!(repeated["status"], recorded.unwrap_or("approved"), "{case}, repeated");
            let entries = simulator.record().await;
            let own: Vec<&Value> = entries.iter().filter(|entry| entry["key"] == *key).collect();
            assert_eq!(own.len(), 1, "{case}");
            assert_eq!(own[0]["amount"], 1_000, "{case}");
        }
        let script = simulator.get("/v1/faults").await.answer();
        assert!(
            script["faults"]
                .as_array()
                .unwrap()
                .iter()
                .all(|line| line["hits"] == 1 && line["remaining"] == 0)
        );
        simulator.stop().await;
    }
}

/// Brings a payment to where `operation` would be approved.
async fn prepared(simulator: &Simulator, payment: u64, operation: &str) -> (String, Value) {
    if operation == "authorize" {
        return (format!("{payment}:authorize:1:1"), authorize(payment));
    }
    let transaction = simulator.authorized(payment).await;
    let body = movement(payment, &transaction);
    if operation == "refund" {
        simulator.post(&format!("{payment}:capture:2:1"), &body).await.answer();
    }
    (format!("{payment}:{operation}:3:1"), body)
}

fn check_seen(outcome: &Outcome, seen: &Seen, case: &str) {
    let as_described = match (outcome, seen) {
        (Outcome::Answer { http_status: 200, body }, Seen::Status(status)) => {
            body["status"] == *status && body["amount"] == 1_000
        }
        (Outcome::Answer { http_status: 200, body }, Seen::OneTooMuch) => {
            body["status"] == "approved" && body["amount"] == 1_001
        }
        (Outcome::Answer { http_status, .. }, Seen::ServerError) => *http_status == 500,
        (Outcome::NotJson, Seen::NotJson) | (Outcome::NoAnswer, Seen::NoAnswer) => true,
        _ => false,
    };
    assert!(as_described, "{case}: saw {outcome:?}");
}

#[actix_web::test]
async fn scripts_count_cover_and_end() {
    let simulator = Simulator::start().await;
    let posted = simulator.script(&json!({"operation": "*", "fault": "decline", "count": 2})).await;
    let expected = json!({"operation": "*", "fault": "decline", "remaining": 2, "probability": null, "delayMs": null, "hits": 0});
    assert_eq!(posted, expected);
    simulator.script(&json!({"operation": "authorize", "fault": "failed", "probability": 1.0})).await;
    let mut statuses = Vec::new();
    for payment in 1..=4 {
        let answer = simulator.post(&format!("{payment}:authorize:1:1"), &authorize(payment)).await.answer();
        statuses.push(answer["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        statuses,
        ["declined", "declined", "failed", "failed"],
        "lines strike in the order they were posted"
    );
    let script = simulator.get("/v1/faults").await.answer();
    assert_eq!(script["faults"][0]["hits"], 2);
    assert_eq!(script["faults"][0]["remaining"], 0);
    assert_eq!(script["faults"][1]["hits"], 2);
    assert_eq!(script["faults"][1]["remaining"], Value::Null);
    assert_eq!(script["faults"][1]["probability"], 1.0);

    let cleared = simulator.http.delete(simulator.url("/v1/faults")).send().await.unwrap();
    assert_eq!(cleared.status(), 200);
    assert_eq!(simulator.get("/v1/faults").await.answer(), json!({"faults": []}));
    simulator.authorized(5).await;
    simulator.stop().await;
}

#[actix_web::test]
async fn a_probability_strikes_about_that_often() {
    let simulator = Simulator::start().await;
    simulator.script(&json!({"operation": "authorize", "fault": "decline", "probability": 0.3})).await;
    for payment in 1..=300 {
        simulator.post(&format!("{payment}:authorize:1:1"), &authorize(payment)).await.answer();
    }
    let hits = simulator.get("/v1/faults").await.answer()["faults"][0]["hits"].as_u64().unwrap();
    assert!((50..=130).contains(&hits), "0.3 of 300 struck {hits} times");
    simulator.stop().await;
}

#[actix_web::test]
async fn known_keys_are_told_the_truth_under_any_fault() {
    let simulator = Simulator::start().await;
    let first = simulator.post("1:authorize:1:1", &authorize(1)).await.answer();
    for (fault, ..) in &FAULTS {
        simulator.script(&json!({"operation": "*", "fault": fault, "probability": 1.0})).await;
    }
    assert_eq!(simulator.post("1:authorize:1:1", &authorize(1)).await.answer(), first);
    assert_eq!(simulator.get("/v1/faults").await.answer()["faults"][0]["hits"], 0);
    simulator.stop().await;
}

#[actix_web::test]
async fn a_late_answer_is_recorded_long_before_it_comes() {
    let simulator = Simulator::start().await;
    simulator.script(&json!({"operation": "authorize", "fault": "late-answer", "count": 1})).await;
    let body = authorize(1);
    let recorded =
        simulator.until("1:authorize:1:1", |seen| seen.is_some_and(|answer| answer["status"] == "approved"));
    tokio::select! {
        biased;
        () = recorded => {}
        outcome = simulator.post("1:authorize:1:1", &body) => panic!("answered within its 12 s: {outcome:?}"),
    }
    simulator
        .script(&json!({"operation": "authorize", "fault": "late-answer", "count": 1, "delayMs": 250}))
        .await;
    let asked = Instant::now();
    assert_eq!(simulator.post("2:authorize:1:1", &authorize(2)).await.answer()["status"], "approved");
    assert!(asked.elapsed() >= Duration::from_millis(250));
    simulator.stop().await;
}

#[actix_web::test]
async fn unanswered_requests_end_with_their_client_their_limit_or_the_simulator() {
    let simulator =
        Simulator::start_with(|options| options.unanswered_limit = Duration::from_millis(100)).await;
    simulator.script(&json!({"operation": "authorize", "fault": "timeout-before", "count": 1})).await;
    let asked = Instant::now();
    assert!(matches!(simulator.post("1:authorize:1:1", &authorize(1)).await, Outcome::NoAnswer));
    assert!(asked.elapsed() >= Duration::from_millis(100));
    simulator.stop().await;

    let simulator = Simulator::start().await;
    simulator.script(&json!({"operation": "*", "fault": "timeout-after", "count": 2})).await;
    let impatient = simulator
        .http
        .post(simulator.url("/v1/authorize"))
        .header("idempotency-key", "1:authorize:1:1")
        .json(&authorize(1))
        .timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    until_kept_back(&simulator, 0).await;

    let url = simulator.url("/v1/authorize");
    let patient = simulator.http.post(url).header("idempotency-key", "2:authorize:1:1").json(&authorize(2));
    let waiting = tokio::spawn(patient.send());
    until_kept_back(&simulator, 1).await;
    let stopping = Instant::now();
    let simulator = simulator.restart().await;
    assert!(waiting.await.unwrap().is_err());
    assert!(stopping.elapsed() < Duration::from_secs(10), "the stop waited for an unanswered request");
    assert_eq!(simulator.look_up("2:authorize:1:1").await.unwrap()["status"], "approved");
    simulator.stop().await;
}

async fn until_kept_back(simulator: &Simulator, wanted: u64) {
    let asking = async {
        while simulator.get("/health").await.answer()["keptBack"] != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("the wanted number within 20 s");
}

#[actix_web::test]
async fn a_reset_sends_not_one_byte() {
    let simulator = Simulator::start().await;
    simulator.script(&json!({"operation": "authorize", "fault": "connection-reset", "count": 1})).await;
    assert_eq!(raw_post(&simulator, 1).await, "");
    assert_eq!(simulator.look_up("1:authorize:1:1").await, None);
    simulator.stop().await;
}

#[actix_web::test]
async fn a_duplicate_answer_is_the_whole_response_twice() {
    let simulator = Simulator::start().await;
    simulator.script(&json!({"operation": "authorize", "fault": "duplicate-answer", "count": 2})).await;
    let received = raw_post(&simulator, 1).await;
    assert_eq!(received.matches("HTTP/1.1 200 OK").count(), 2, "{received}");
    let bodies: Vec<&str> = received.split("\r\n\r\n").skip(1).collect();
    let (first, second) = (bodies[0].split("HTTP/1.1").next().unwrap(), bodies[1]);
    assert_eq!(first, second);
    assert_eq!(
        serde_json::from_str::<Value>(first).unwrap(),
        simulator.look_up("1:authorize:1:1").await.unwrap()
    );

    // A pooling client takes the first copy and meets the second nowhere else.
    let doubled = simulator.post("2:authorize:1:1", &authorize(2)).await.answer();
    for payment in 3..=20 {
        let answer = simulator.post(&format!("{payment}:authorize:1:1"), &authorize(payment)).await.answer();
        assert_eq!(answer["paymentId"], payment);
    }
    assert_eq!(simulator.look_up("2:authorize:1:1").await.unwrap(), doubled);
    assert_eq!(simulator.record().await.len(), 20);
    simulator.stop().await;
}

/// Everything that comes back over a bare connection until the simulator closes it.
async fn raw_post(simulator: &Simulator, payment: u64) -> String {
    let body = authorize(payment).to_string();
    let request = format!(
        "POST /v1/authorize HTTP/1.1\r\nhost: pg\r\nidempotency-key: {payment}:authorize:1:1\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(simulator.address()).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let reading = connection.read_to_end(&mut received);
    // Some systems report a connection closed without an answer as an error; no byte came either way.
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the connection closes");
    String::from_utf8(received).unwrap()
}
