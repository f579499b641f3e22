//! The record of a gateway that runs, page by page.

use futures_util::StreamExt;
use futures_util::stream;
use payment_engine::check::{self, Evidence, PgRecord, World};
use payment_engine::pg_simulator::{PgSimulator, PgSimulatorOptions, Profile};
use payment_engine::sqlite::migrate;
use payment_schema::time::Timestamp;
use reqwest::Url;
use serde_json::json;
use tempfile::TempDir;

/// More than two pages of the record.
const STRAYS: u64 = 2_100;

async fn hold(client: &reqwest::Client, base: &str, id: u64) {
    let body = json!({"paymentId": id, "merchantId": "m-1", "amount": 700, "currency": "USD"});
    let request =
        client.post(format!("{base}/v1/authorize")).header("Idempotency-Key", format!("{id}:authorize:1:1"));
    let answer = request.json(&body).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
}

#[actix_rt::test]
async fn every_entry_of_a_running_gateway_is_seen() {
    let dir = TempDir::new().expect("a folder");
    let database = dir.path().join("payment.db");
    migrate(&database).expect("a store");
    let mut options = PgSimulatorOptions::new(dir.path().join("pg"));
    options.listen = "127.0.0.1:0".parse().expect("an address");
    options.profile = Profile::instant();
    let simulator = PgSimulator::start(options).await.expect("a simulator");
    let base = format!("http://{}", simulator.address());
    payment_engine::tls::choose_ring();
    let client = reqwest::Client::new();
    stream::iter(1..=STRAYS).for_each_concurrent(16, |id| hold(&client, &base, id)).await;

    let url: Url = base.parse().expect("a url");
    let now = Timestamp::from(chrono::Utc::now());
    let checked = tokio::task::spawn_blocking(move || {
        let world = World::Embedded { database, topics: None };
        let evidence = Evidence::open(world, |_| {}).expect("evidence");
        let gone = Url::parse("http://127.0.0.1:1").expect("a url");
        let record = |url| PgRecord::Http { url, authorities: None };
        [record(url), record(gone)].map(|record| check::run(&evidence, &record, now).expect("a report"))
    });
    let [seen, unseen] = checked.await.expect("the check ends");

    assert_eq!((seen.broken(), seen.invariants[0].violations_total), (vec!["I1"], STRAYS));
    assert_eq!(seen.invariants[0].violations.len(), 100);
    assert!(unseen.is_clean() && unseen.unseen.is_some_and(|why| why.contains("127.0.0.1")));
}
