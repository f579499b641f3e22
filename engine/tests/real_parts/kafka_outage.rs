//! A Kafka that is away under load: payments go on, the breaker opens and closes, and every event arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::Row;

use crate::client::Desk;
use crate::load::{Load, Told, audit};
use crate::own_part::OwnPart;
use crate::place::Servers;
use crate::process::PATIENCE;
use crate::site::Site;
use crate::topics::{self, Found};

#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn an_outage_of_kafka_fails_no_request_and_loses_no_event() {
    let mut kafka = OwnPart::kafka().await;
    let site = Site::on(Servers { kafka: kafka.address.clone(), ..Servers::of_the_environment() });
    // So that the breaker goes through its states in seconds; a lost delivery takes 5 s to be noticed.
    let engine = site.engine(&[
        ("PAYMENT__BREAKERS__KAFKA_PUBLISHER__OPEN", "2s"),
        ("PAYMENT__BREAKERS__KAFKA_PUBLISHER__MINIMUM_CALLS", "2"),
    ]);
    let operator = Desk::operator(&engine);
    let told = Arc::new(Told::default());
    let load = Load::start(&[&engine], &told, "a", Duration::from_millis(100));
    told.until_more(50).await;
    assert_eq!(breaker(&operator).await["state"], "CLOSED");

    kafka.kill();
    until_changed(&operator, &[("CLOSED", "OPEN"), ("OPEN", "HALF_OPEN"), ("HALF_OPEN", "OPEN")]).await;
    told.until_more(50).await;
    kafka.start_again().await;
    until_changed(&operator, &[("CLOSED", "OPEN"), ("OPEN", "HALF_OPEN"), ("HALF_OPEN", "CLOSED")]).await;
    told.until_more(50).await;
    load.stop().await;

    assert_eq!(told.unanswered(), 0);
    assert_eq!(told.refusals().len(), 0, "{:?}", told.refusals().first().map(crate::client::Answer::json));
    audit(&told, &engine, &site.pg()).await;
    site.until_published().await;
    let place = Arc::clone(&site.place);
    let found = tokio::task::spawn_blocking(move || topics::read(&place)).await.expect("the topics are read");
    assert_all_arrived(&site, &found).await;
}

async fn breaker(operator: &Desk) -> Value {
    operator.get("/circuit-breaker/kafka-publisher").await.json()
}

/// Returns once the breaker has made these changes, in this order.
async fn until_changed(operator: &Desk, wanted: &[(&str, &str)]) {
    let begun = Instant::now();
    loop {
        let breaker = breaker(operator).await;
        let changes = breaker["changes"].as_array().expect("changes").iter();
        let mut wanted = wanted.iter().peekable();
        for change in changes {
            wanted.next_if(|(from, to)| change["from"] == *from && change["to"] == *to);
        }
        if wanted.peek().is_none() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not {wanted:?}: {breaker}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Once repeats are left out, each payment's events are 1 to its last, and rise within each topic.
async fn assert_all_arrived(site: &Site, found: &[Found]) {
    let mut events: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    let mut newest: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for record in found {
        let event: Value = serde_json::from_slice(&record.value).expect("events are JSON");
        let (Some(number), Some(id)) = (event["eventSeq"].as_i64(), event["paymentId"].as_i64()) else {
            continue;
        };
        if seen.insert(event["eventId"].to_string()) {
            assert!(events.entry(id).or_default().insert(number), "two events with one number: {event}");
            let before = newest.insert((record.topic, id), number);
            assert!(before < Some(number), "behind {before:?}: {event}");
        }
    }
    for row in site.rows("SELECT payment_id, last_event_seq FROM payment").await {
        let (id, last): (i64, i64) = (row.get(0), row.get(1));
        let arrived = events.remove(&id).unwrap_or_default();
        assert!(arrived.iter().copied().eq(1..=last), "payment {id} has {last} events: {arrived:?}");
    }
    assert!(events.is_empty(), "events of nobody's payments: {events:?}");
}
