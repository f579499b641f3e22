//! One key is one operation, however often and however many at a time ask for it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::client::{Simulator, authorize, movement};

async fn slow() -> Simulator {
    Simulator::start_with(|options| {
        options.profile.authorize.latency_min = Duration::from_millis(100);
        options.profile.authorize.latency_max = Duration::from_millis(100);
        options.workers = std::num::NonZeroUsize::new(2).unwrap();
    })
    .await
}

#[actix_web::test]
async fn a_hundred_at_once_run_once() {
    let simulator = slow().await;
    let body = authorize(1);
    let posts = (0..100).map(|_| simulator.post("1:authorize:1:1", &body));
    let answers: Vec<Value> = join_all(posts).await.into_iter().map(|outcome| outcome.answer()).collect();
    let recorded = simulator.look_up("1:authorize:1:1").await.unwrap();
    let count = |status: &str| answers.iter().filter(|answer| answer["status"] == status).count();
    assert!(count("approved") >= 1);
    assert_eq!(count("approved") + count("processing"), 100);
    assert!(answers.iter().filter(|answer| answer["status"] == "approved").all(|answer| *answer == recorded));
    assert_eq!(simulator.record().await.len(), 1);
    simulator.stop().await;
}

#[actix_web::test]
async fn a_repeat_of_an_operation_in_progress_says_so_at_once() {
    let simulator = Simulator::start_with(|options| {
        options.profile.authorize.latency_min = Duration::from_secs(3_600);
        options.profile.authorize.latency_max = Duration::from_secs(3_600);
    })
    .await;
    let body = authorize(1);
    let asking = async {
        simulator.until("1:authorize:1:1", |seen| seen.is_some()).await;
        let repeat = simulator.post("1:authorize:1:1", &body).await.answer();
        assert_eq!(repeat["status"], "processing");
        assert_eq!(Some(repeat), simulator.look_up("1:authorize:1:1").await);
        assert!(simulator.record().await.is_empty());
    };
    tokio::select! {
        outcome = simulator.post("1:authorize:1:1", &body) => panic!("answered early: {outcome:?}"),
        () = asking => {}
    }
    simulator.stop().await;
}

#[actix_web::test]
async fn the_first_answer_is_final_whatever_the_repeat_says() {
    let simulator = Simulator::start().await;
    let first = simulator.post("1:authorize:1:1", &authorize(1)).await.answer();
    let mut other = authorize(1);
    other["amount"] = 5.into();
    assert_eq!(simulator.post("1:authorize:1:1", &other).await.answer(), first);

    let transaction = first["transactionId"].as_str().unwrap();
    let mut beyond = movement(1, transaction);
    beyond["amount"] = 2_000.into();
    let declined = simulator.post("1:capture:2:1", &beyond).await.answer();
    assert_eq!(declined["status"], "declined");
    assert_eq!(simulator.post("1:capture:2:1", &movement(1, transaction)).await.answer(), declined);
    assert_eq!(simulator.record().await.len(), 2);
    simulator.stop().await;
}

#[actix_web::test]
async fn a_hundred_captures_of_one_hold_take_the_money_once() {
    let simulator = Simulator::start_with(|options| {
        options.profile.capture.latency_max = Duration::from_millis(5);
        options.workers = std::num::NonZeroUsize::new(2).unwrap();
    })
    .await;
    let transaction = simulator.authorized(1).await;
    let body = movement(1, &transaction);
    let keys: Vec<String> = (1..=100).map(|attempt| format!("1:capture:2:{attempt}")).collect();
    let answers = join_all(keys.iter().map(|key| simulator.post(key, &body))).await;
    let codes: Vec<Value> =
        answers.into_iter().map(|outcome| outcome.answer()["responseCode"].clone()).collect();
    assert_eq!(codes.iter().filter(|code| *code == "APPROVED").count(), 1);
    assert_eq!(codes.iter().filter(|code| *code == "ALREADY_CAPTURED").count(), 99);
    simulator.stop().await;
}

#[actix_web::test]
async fn an_operation_ends_though_its_client_left() {
    let simulator = slow().await;
    let body = authorize(1);
    let seen = simulator.until("1:authorize:1:1", |seen| seen.is_some());
    tokio::select! {
        biased;
        () = seen => {}
        outcome = simulator.post("1:authorize:1:1", &body) => panic!("answered early: {outcome:?}"),
    }
    simulator
        .until("1:authorize:1:1", |seen| seen.is_some_and(|answer| answer["status"] == "approved"))
        .await;
    simulator.stop().await;
}
