//! What the gateway approves and what it declines, one line per operation.
//!
//! A line reads `operation no.attempt amount [option …] -> status CODE`. Options: `payment=2`, `merchant=m-2`,
//! `currency=USD`, `hold=1` (the transaction of the first approved authorize; the latest unless told), `id=txn`
//! (that text as transaction id), `key=1.1` (a void by the authorization key with that number and attempt).

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use payment_engine::pg_simulator::{Behaviour, Profile};
use serde_json::{Value, json};

use crate::client::{Simulator, authorize, movement};

const SCENARIOS: &[(&str, &str)] = &[
    (
        "a payment's whole life",
        "authorize 1.1 1000 -> approved APPROVED
         capture   2.1 1000 -> approved APPROVED
         refund    3.1  400 -> approved APPROVED
         refund    4.1  600 -> approved APPROVED
         refund    5.1    1 -> declined AMOUNT_EXCEEDS_REFUNDABLE",
    ),
    (
        "a capture takes at most what is held, once",
        "authorize 1.1 1000 -> approved APPROVED
         capture   2.1 1001 -> declined AMOUNT_EXCEEDS_AUTHORIZED
         capture   2.2  700 -> approved APPROVED
         capture   2.3  700 -> declined ALREADY_CAPTURED
         capture   3.1  300 -> declined ALREADY_CAPTURED",
    ),
    (
        "refunds stay within what was captured, not what was held",
        "authorize 1.1 1000 -> approved APPROVED
         refund    2.1  100 -> declined NOT_CAPTURED
         capture   3.1  700 -> approved APPROVED
         refund    4.1  701 -> declined AMOUNT_EXCEEDS_REFUNDABLE
         refund    4.2  500 -> approved APPROVED
         refund    5.1  201 -> declined AMOUNT_EXCEEDS_REFUNDABLE
         refund    5.2  200 -> approved APPROVED",
    ),
    (
        "a voided hold is gone",
        "authorize 1.1 1000 -> approved APPROVED
         void      2.1 1000 -> approved APPROVED
         void      2.2 1000 -> declined NO_SUCH_HOLD
         capture   3.1 1000 -> declined HOLD_VOIDED
         refund    4.1 1000 -> declined HOLD_VOIDED",
    ),
    (
        "what was captured cannot be voided",
        "authorize 1.1 1000 -> approved APPROVED
         capture   2.1 1000 -> approved APPROVED
         void      3.1 1000 -> declined ALREADY_CAPTURED
         void      3.2 1000 key=1.1 -> declined ALREADY_CAPTURED",
    ),
    (
        "a transaction id that was never given out",
        "capture 1.1 1000 id=txn-000000000001 -> declined NO_SUCH_HOLD
         refund  2.1 1000 id=txn-000000000001 -> declined NO_SUCH_HOLD
         void    3.1 1000 id=txn-000000000001 -> declined NO_SUCH_HOLD
         void    3.2 1000 id=anything -> declined NO_SUCH_HOLD
         authorize 4.1 1000 -> approved APPROVED
         capture 5.1 1000 id=txn-1 -> declined NO_SUCH_HOLD
         capture 5.2 1000 -> approved APPROVED
         refund  6.1 1000 id=txn-000000000001.7 -> declined NO_SUCH_HOLD",
    ),
    (
        "somebody else's hold is no hold",
        "authorize 1.1 1000 -> approved APPROVED
         capture   2.1 1000 payment=2 -> declined NO_SUCH_HOLD
         capture   2.2 1000 merchant=m-2 -> declined NO_SUCH_HOLD
         capture   2.3 1000 currency=USD -> declined NO_SUCH_HOLD
         void      3.1 1000 payment=2 -> declined NO_SUCH_HOLD
         void      3.2 1000 merchant=m-2 -> declined NO_SUCH_HOLD
         void      3.3 1000 currency=USD -> declined NO_SUCH_HOLD
         capture   4.1 1000 -> approved APPROVED
         refund    5.1 1000 payment=2 -> declined NO_SUCH_HOLD
         refund    5.2 1000 merchant=m-2 -> declined NO_SUCH_HOLD",
    ),
    (
        "a second authorization of a payment is none of the gateway's business",
        "authorize 1.1 1000 -> approved APPROVED
         authorize 1.2 1000 -> approved APPROVED
         capture   2.1 1000 hold=1 -> approved APPROVED
         capture   2.2 1000 hold=2 -> approved APPROVED",
    ),
    (
        "a void by key before the authorization forbids it",
        "void      2.1 1000 key=1.1 -> declined NO_SUCH_HOLD
         authorize 1.1 1000 -> declined AUTHORIZATION_VOIDED
         authorize 1.2 1000 -> approved APPROVED
         void      2.2 1000 key=1.1 -> declined NO_SUCH_HOLD
         capture   3.1 1000 -> approved APPROVED",
    ),
    (
        "a void by key after the approval releases the hold",
        "authorize 1.1 1000 -> approved APPROVED
         void      2.1 1000 key=1.1 merchant=m-2 -> declined NO_SUCH_HOLD
         void      2.2 1000 key=1.1 -> approved APPROVED
         void      2.3 1000 key=1.1 -> declined NO_SUCH_HOLD
         capture   3.1 1000 -> declined HOLD_VOIDED",
    ),
];

#[actix_web::test]
async fn every_scenario_ends_as_written() {
    for (name, lines) in SCENARIOS {
        let simulator = Simulator::start().await;
        let mut holds = Vec::new();
        for line in lines.lines() {
            play(&simulator, &mut holds, name, line.trim()).await;
        }
        simulator.stop().await;
    }
}

/// Plays one line, checks the answer against it and every other place that tells of it.
async fn play(simulator: &Simulator, holds: &mut Vec<Value>, name: &str, line: &str) {
    let (question, expected) = line.split_once(" -> ").unwrap();
    let mut words = question.split_whitespace();
    let (operation, number) = (words.next().unwrap(), words.next().unwrap().replace('.', ":"));
    let mut body = authorize(1);
    body["amount"] = words.next().unwrap().parse::<u64>().unwrap().into();
    if operation != "authorize" {
        body["transactionId"] = holds.last().cloned().unwrap_or_default();
    }
    for option in words {
        match option.split_once('=').unwrap() {
            ("payment", id) => body["paymentId"] = id.parse::<u64>().unwrap().into(),
            ("merchant", id) => body["merchantId"] = id.into(),
            ("currency", code) => body["currency"] = code.into(),
            ("hold", index) => body["transactionId"] = holds[index.parse::<usize>().unwrap() - 1].clone(),
            ("id", text) => body["transactionId"] = text.into(),
            ("key", key) => {
                body["transactionId"] = Value::Null;
                body["authorizationKey"] = format!("1:authorize:{}", key.replace('.', ":")).into();
            }
            (other, _) => panic!("no option {other}"),
        }
    }
    let key = format!("{}:{operation}:{number}", body["paymentId"]);
    let answer = simulator.post(&key, &body).await.answer();
    let told = format!("{} {}", answer["status"].as_str().unwrap(), answer["responseCode"].as_str().unwrap());
    assert_eq!(told, expected, "{name}: {line}");
    check_shape(&answer, &key, operation, &body);
    assert_eq!(simulator.look_up(&key).await.as_ref(), Some(&answer), "{name}: {line}, asked again");
    check_entry(simulator.record().await.last().unwrap(), &answer);
    if operation == "authorize" && answer["status"] == "approved" {
        holds.push(answer["transactionId"].clone());
    }
}

fn check_shape(answer: &Value, key: &str, operation: &str, body: &Value) {
    assert_eq!(answer["key"], key);
    assert_eq!(answer["operation"], operation);
    for echoed in ["paymentId", "merchantId", "amount", "currency"] {
        assert_eq!(answer[echoed], body[echoed], "{echoed}");
    }
    let approved = answer["status"] == "approved";
    assert_eq!(answer["transactionId"].is_string(), approved);
    assert_eq!(answer["approvalNumber"].is_string(), approved);
    assert_eq!(answer["retryable"], answer["status"] == "failed");
    assert_eq!(answer["expiresAt"].is_string(), approved && operation == "authorize");
    assert!(!answer["responseMessage"].as_str().unwrap().is_empty());
    assert_eq!(answer.as_object().unwrap().len(), 14, "{answer}");
}

fn check_entry(entry: &Value, answer: &Value) {
    assert_eq!(entry["result"], answer["status"]);
    for shared in ["operation", "key", "paymentId", "merchantId", "amount", "currency", "transactionId", "at"]
    {
        assert_eq!(entry[shared], answer[shared], "{shared}");
    }
    assert!(entry["seq"].is_u64());
    assert_eq!(entry.as_object().unwrap().len(), 10, "{entry}");
}

#[actix_web::test]
async fn approvals_have_numbers_of_their_own() {
    let simulator = Simulator::start().await;
    let mut numbers = std::collections::HashSet::new();
    for payment in 1..=20 {
        let transaction = simulator.authorized(payment).await;
        for (operation, number) in [("capture", 2), ("refund", 3)] {
            let key = format!("{payment}:{operation}:{number}:1");
            simulator.post(&key, &movement(payment, &transaction)).await.answer();
        }
    }
    for entry in simulator.record().await {
        let answer = simulator.look_up(entry["key"].as_str().unwrap()).await.unwrap();
        assert!(numbers.insert(answer["transactionId"].to_string()));
        assert!(numbers.insert(answer["approvalNumber"].to_string()));
    }
    assert_eq!(numbers.len(), 120);
    simulator.stop().await;
}

#[actix_web::test]
async fn holds_last_seven_days_unless_told_otherwise() {
    let simulator = Simulator::start().await;
    let answer = simulator.post("1:authorize:1:1", &authorize(1)).await.answer();
    let time = |field: &str| {
        chrono::DateTime::parse_from_rfc3339(answer[field].as_str().unwrap()).unwrap().timestamp_millis()
    };
    assert_eq!(time("expiresAt") - time("at"), 7 * 24 * 60 * 60 * 1_000);
    simulator.stop().await;

    let simulator = Simulator::start_with(|options| options.hold_lifetime = Duration::ZERO).await;
    let transaction = simulator.authorized(1).await;
    let captured = simulator.post("1:capture:2:1", &movement(1, &transaction)).await.answer();
    assert_eq!(captured["responseCode"], "HOLD_EXPIRED");
    let voided = simulator.post("1:void:3:1", &movement(1, &transaction)).await.answer();
    assert_eq!(voided["status"], "approved");
    simulator.stop().await;
}

#[actix_web::test]
async fn a_void_by_key_overtakes_the_authorization_in_progress() {
    let simulator = Simulator::start_with(|options| {
        options.profile.authorize.latency_min = Duration::from_millis(1_500);
        options.profile.authorize.latency_max = Duration::from_millis(1_500);
    })
    .await;
    let mut void = authorize(1);
    void["authorizationKey"] = json!("1:authorize:1:1");
    let body = authorize(1);
    let authorizing = simulator.post("1:authorize:1:1", &body);
    let voiding = async {
        simulator
            .until("1:authorize:1:1", |seen| seen.is_some_and(|answer| answer["status"] == "processing"))
            .await;
        simulator.post("1:void:2:1", &void).await.answer()
    };
    let (authorized, voided) = tokio::join!(authorizing, voiding);
    assert_eq!(voided["responseCode"], "NO_SUCH_HOLD");
    let authorized = authorized.answer();
    assert_eq!(
        (&authorized["status"], &authorized["responseCode"]),
        (&json!("declined"), &json!("AUTHORIZATION_VOIDED"))
    );
    simulator.stop().await;
}

#[actix_web::test]
async fn a_refused_authorization_holds_nothing() {
    let simulator = Simulator::start().await;
    for fault in ["decline", "failed"] {
        simulator.script(&json!({"operation": "authorize", "fault": fault, "count": 1})).await;
    }
    for payment in [1, 2] {
        let refused = simulator.post(&format!("{payment}:authorize:1:1"), &authorize(payment)).await.answer();
        assert_eq!(refused["transactionId"], Value::Null);
        let guessed = movement(payment, &format!("txn-{payment:012}"));
        let captured = simulator.post(&format!("{payment}:capture:2:1"), &guessed).await.answer();
        assert_eq!(captured["responseCode"], "NO_SUCH_HOLD");
    }
    let transaction = simulator.authorized(3).await;
    let captured = simulator.post("3:capture:2:1", &movement(3, &transaction)).await.answer();
    assert_eq!(captured["status"], "approved");
    simulator.stop().await;
}

#[actix_web::test]
async fn a_void_by_key_and_its_authorization_agree_however_close_they_are() {
    let simulator = Simulator::start_with(|options| {
        // Equal times make many of them fall due in one batch.
        let together = Behaviour {
            latency_min: Duration::from_millis(20),
            latency_max: Duration::from_millis(20),
            negative_rate: 0.0,
        };
        options.profile = Profile { authorize: together, void: together, ..options.profile };
    })
    .await;
    let race = |payment: u64| {
        let simulator = &simulator;
        async move {
            let mut void = authorize(payment);
            void["authorizationKey"] = format!("{payment}:authorize:1:1").into();
            let (authorize_key, body) = (format!("{payment}:authorize:1:1"), authorize(payment));
            let void_key = format!("{payment}:void:2:1");
            let (authorized, voided) =
                tokio::join!(simulator.post(&authorize_key, &body), simulator.post(&void_key, &void));
            (authorized.answer()["responseCode"].clone(), voided.answer()["responseCode"].clone())
        }
    };
    for (authorized, voided) in join_all((1..=200).map(race)).await {
        let expected = if authorized == "APPROVED" { "APPROVED" } else { "NO_SUCH_HOLD" };
        assert_eq!(voided, expected, "the authorization ended {authorized}");
    }
    simulator.stop().await;
}

#[test]
fn profiles_are_as_documented() {
    let millis = |behaviour: Behaviour| {
        (behaviour.latency_min.as_millis(), behaviour.latency_max.as_millis(), behaviour.negative_rate)
    };
    let normal = Profile::for_mode(false);
    assert_eq!(millis(normal.authorize), (5, 15, 0.005));
    for slow in [normal.capture, normal.refund, normal.void] {
        assert_eq!(millis(slow), (1_000, 3_000, 0.05));
    }
    let load_test = Profile::for_mode(true);
    for quick in [load_test.authorize, load_test.capture, load_test.refund, load_test.void] {
        assert_eq!(millis(quick), (1, 3, 0.000_1));
    }
}

#[actix_web::test]
async fn an_operation_takes_the_time_of_its_profile() {
    let simulator = Simulator::start_with(|options| options.profile = Profile::for_mode(false)).await;
    let asked = Instant::now();
    let body = authorize(1);
    let seen = simulator.post("1:authorize:1:1", &body).await.answer();
    assert!(asked.elapsed() >= Duration::from_millis(5), "{seen}");
    simulator.stop().await;
}

#[actix_web::test]
async fn accidents_follow_the_profile_and_the_seed() {
    let simulator = Simulator::start_with(|options| {
        options.profile.capture.negative_rate = 1.0;
        options.profile.refund.negative_rate = 1.0;
    })
    .await;
    let transaction = simulator.authorized(1).await;
    let failed = simulator.post("1:capture:2:1", &movement(1, &transaction)).await.answer();
    assert_eq!((&failed["status"], &failed["retryable"]), (&json!("failed"), &json!(true)));
    let declined = simulator.post("1:refund:3:1", &movement(1, &transaction)).await.answer();
    assert_eq!(declined["responseCode"], "NOT_CAPTURED", "rules come before accidents");
    simulator.stop().await;

    assert_eq!(declined_payments(7).await, declined_payments(7).await);
    assert_ne!(declined_payments(7).await, declined_payments(8).await);
}

async fn declined_payments(seed: u64) -> Vec<u64> {
    let simulator = Simulator::start_with(|options| {
        options.seed = seed;
        options.profile.authorize.negative_rate = 0.5;
    })
    .await;
    let mut declined = Vec::new();
    for payment in 1..=40 {
        let answer = simulator.post(&format!("{payment}:authorize:1:1"), &authorize(payment)).await.answer();
        if answer["status"] == "declined" {
            assert_eq!(answer["retryable"], false);
            declined.push(payment);
        }
    }
    simulator.stop().await;
    declined
}
