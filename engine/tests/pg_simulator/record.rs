//! The record in pages: every entry once, in order, wherever a page begins and ends.

use serde_json::{Value, json};

use crate::client::Simulator;

#[actix_web::test]
async fn pages_of_any_size_give_the_same_record() {
    let simulator = Simulator::start().await;
    assert_eq!(simulator.get("/v1/record").await.answer(), json!({"entries": [], "next": null}));
    for payment in 1..=200 {
        simulator.authorized(payment).await;
    }
    let whole = simulator.record().await;
    let numbers: Vec<u64> = whole.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    let payments: Vec<u64> = whole.iter().map(|entry| entry["paymentId"].as_u64().unwrap()).collect();
    assert_eq!(payments, (1..=200).collect::<Vec<_>>());

    for limit in [1, 7, 63, 64, 65, 199, 200, 201, 1_000_000] {
        assert_eq!(all_pages(&simulator, limit).await, whole, "limit {limit}");
    }
    let unlimited = simulator.get("/v1/record").await.answer();
    assert_eq!(unlimited["entries"].as_array().unwrap().len(), 100);
    assert_eq!(unlimited["next"], 100);
    for after in [199, 200, 201, 5_000, u64::MAX] {
        let page = simulator.get(&format!("/v1/record?after={after}")).await.answer();
        let expected = usize::from(after == 199);
        assert_eq!(page["entries"].as_array().unwrap().len(), expected, "after {after}");
        assert_eq!(page["next"], Value::Null, "after {after}");
    }
    simulator.stop().await;
}

async fn all_pages(simulator: &Simulator, limit: usize) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut after = json!(0);
    while !after.is_null() {
        let page = simulator.get(&format!("/v1/record?after={after}&limit={limit}")).await.answer();
        let page_entries = page["entries"].as_array().unwrap();
        assert!(page_entries.len() <= limit);
        entries.extend(page_entries.iter().cloned());
        after = page["next"].clone();
    }
    entries
}

#[actix_web::test]
async fn health_counts_what_is_recorded() {
    let simulator = Simulator::start().await;
    simulator.authorized(1).await;
    let health = simulator.get("/health").await.answer();
    assert_eq!(health, json!({"status": "up", "recorded": 1, "processing": 0, "keptBack": 0}));
    simulator.stop().await;
}
