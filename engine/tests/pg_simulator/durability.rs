//! What a restart keeps, what it loses, and what it refuses to start on.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use payment_engine::pg_simulator::{PgSimulator, StartError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Outcome, Simulator, authorize, instant, movement};

fn record_file(directory: &TempDir) -> PathBuf {
    directory.path().join("pg-record.jsonl")
}

#[actix_web::test]
async fn a_restart_knows_every_answer_and_every_hold() {
    let simulator = Simulator::start().await;
    let mut transactions = vec![String::new()];
    for payment in 1..=4 {
        transactions.push(simulator.authorized(payment).await);
    }
    let void_by_key = {
        let mut body = authorize(9);
        body["authorizationKey"] = json!("9:authorize:1:1");
        body
    };
    simulator.post("1:capture:2:1", &movement(1, &transactions[1])).await.answer();
    simulator.post("2:void:2:1", &movement(2, &transactions[2])).await.answer();
    let mut part = movement(1, &transactions[1]);
    part["amount"] = 600.into();
    simulator.post("1:refund:3:1", &part).await.answer();
    simulator.script(&json!({"operation": "capture", "fault": "failed", "count": 1})).await;
    let failed = simulator.post("3:capture:2:1", &movement(3, &transactions[3])).await.answer();
    assert_eq!(failed["status"], "failed");
    simulator.post("9:void:2:1", &void_by_key).await.answer();
    let before = simulator.record().await;
    let mut answers = Vec::new();
    for entry in &before {
        answers.push(simulator.look_up(entry["key"].as_str().unwrap()).await.unwrap());
    }

    let simulator = simulator.restart().await;
    assert_eq!(simulator.record().await, before);
    for answer in &answers {
        assert_eq!(simulator.look_up(answer["key"].as_str().unwrap()).await.as_ref(), Some(answer));
    }
    assert_eq!(simulator.get("/v1/faults").await.answer(), json!({"faults": []}));
    let part = |payment: u64, amount: u64| {
        let mut body = movement(payment, &transactions[usize::try_from(payment).unwrap()]);
        body["amount"] = amount.into();
        body
    };
    let code =
        async |key: &str, body: Value| simulator.post(key, &body).await.answer()["responseCode"].clone();
    assert_eq!(code("1:capture:4:1", part(1, 1_000)).await, "ALREADY_CAPTURED");
    assert_eq!(code("1:refund:5:1", part(1, 401)).await, "AMOUNT_EXCEEDS_REFUNDABLE");
    assert_eq!(code("1:refund:5:2", part(1, 400)).await, "APPROVED");
    assert_eq!(code("2:capture:4:1", part(2, 1_000)).await, "HOLD_VOIDED");
    assert_eq!(code("3:capture:2:1", part(3, 1_000)).await, "PROCESSING_ERROR");
    assert_eq!(code("3:capture:2:2", part(3, 1_000)).await, "APPROVED");
    assert_eq!(code("4:capture:2:1", part(4, 1_000)).await, "APPROVED");
    assert_eq!(code("9:authorize:1:1", authorize(9)).await, "AUTHORIZATION_VOIDED");
    let fresh = simulator.post("10:authorize:1:1", &authorize(10)).await.answer();
    assert!(!transactions.contains(&fresh["transactionId"].as_str().unwrap().to_owned()));
    assert_eq!(simulator.record().await.last().unwrap()["seq"], before.len() + 8);
    simulator.stop().await;
}

#[actix_web::test]
async fn what_was_in_progress_was_never_seen() {
    let simulator = Simulator::start_with(|options| {
        options.profile.authorize.latency_min = Duration::from_secs(3_600);
        options.profile.authorize.latency_max = Duration::from_secs(3_600);
    })
    .await;
    let request = simulator
        .http
        .post(simulator.url("/v1/authorize"))
        .header("idempotency-key", "1:authorize:1:1")
        .json(&authorize(1));
    let waiting = tokio::spawn(request.send());
    simulator
        .until("1:authorize:1:1", |seen| seen.is_some_and(|answer| answer["status"] == "processing"))
        .await;
    let simulator = simulator.restart().await;
    assert!(waiting.await.unwrap().is_err(), "a client got an answer to an operation that never ended");
    assert_eq!(simulator.look_up("1:authorize:1:1").await, None);
    simulator.authorized(1).await;
    simulator.stop().await;
}

#[actix_web::test]
async fn a_torn_last_line_is_cut_off() {
    let simulator = Simulator::start().await;
    simulator.authorized(1).await;
    simulator.authorized(2).await;
    let mut directory = simulator.stop().await;
    let whole = fs::read(record_file(&directory)).unwrap();
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for torn_at in [last_line + 1, last_line + 40, whole.len() - 1] {
        fs::write(record_file(&directory), &whole[..torn_at]).unwrap();
        let simulator = Simulator::start_in(directory, |_| {}).await;
        assert_eq!(simulator.record().await.len(), 1);
        assert_eq!(simulator.look_up("2:authorize:1:1").await, None);
        simulator.authorized(3).await;
        let simulator = simulator.restart().await;
        let entries = simulator.record().await;
        assert_eq!(entries.iter().map(|entry| entry["paymentId"].clone()).collect::<Vec<_>>(), [1, 3]);
        directory = simulator.stop().await;
    }
}

#[actix_web::test]
async fn a_damaged_record_is_not_guessed_at() {
    let simulator = Simulator::start().await;
    simulator.authorized(1).await;
    let directory = simulator.stop().await;
    let whole = fs::read_to_string(record_file(&directory)).unwrap();
    for damaged in [format!("{{}}\n{whole}"), format!("{whole}{whole}"), format!("{whole}\n")] {
        fs::write(record_file(&directory), &damaged).unwrap();
        let error = PgSimulator::start(instant(directory.path())).await.unwrap_err();
        assert!(matches!(error, StartError::DamagedRecord { .. }), "{error}");
        assert_eq!(
            fs::read_to_string(record_file(&directory)).unwrap(),
            damaged,
            "a refused record was changed"
        );
    }
}

#[actix_web::test]
async fn one_directory_has_one_simulator() {
    let simulator = Simulator::start().await;
    let error = PgSimulator::start(instant(simulator.directory.path())).await.unwrap_err();
    assert!(matches!(error, StartError::DirectoryInUse { .. }), "{error}");
    assert!(error.to_string().contains("--data-dir"), "{error}");
    let directory = simulator.stop().await;
    Simulator::start_in(directory, |_| {}).await.stop().await;
}

#[actix_web::test]
async fn a_taken_address_is_named_with_the_flag_that_changes_it() {
    let simulator = Simulator::start().await;
    let other = TempDir::new().unwrap();
    let mut options = instant(other.path());
    options.listen = simulator.address();
    let error = PgSimulator::start(options).await.unwrap_err().to_string();
    assert!(error.contains(&simulator.address().to_string()) && error.contains("--pg-listen"), "{error}");
    simulator.stop().await;
}

#[actix_web::test]
async fn a_directory_that_cannot_be_is_an_error() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    OpenOptions::new().create(true).append(true).open(&file).unwrap().write_all(b"x").unwrap();
    let error = PgSimulator::start(instant(&file.join("below"))).await.unwrap_err();
    assert!(matches!(error, StartError::Storage { .. }), "{error}");
}

#[tokio::test]
async fn a_plain_tokio_runtime_is_enough() {
    let simulator = Simulator::start().await;
    simulator.authorized(1).await;
    simulator.stop().await;
}

#[actix_web::test]
async fn dropping_the_handle_stops_the_simulator() {
    let Outcome::Answer { http_status: 200, .. } = Simulator::start().await.get("/health").await else {
        panic!("a simulator whose handle lives must answer");
    };
    let simulator = Simulator::start().await;
    let (http, url) = (simulator.http.clone(), simulator.url("/health"));
    drop(simulator);
    let refused = async {
        while http.get(&url).send().await.is_ok_and(|response| response.status().is_success()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused).await.expect("no answer soon after the drop");
}
