//! Messages on a topic that nobody can read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};

use crate::client::Merchant;
use crate::events;
use crate::load::assert_check_is_clean;
use crate::place::Place;
use crate::site::Site;
use crate::topics;

const TOPIC: &str = "payment.captured";
const PARTITIONS: usize = 6;

/// How much of a value a dead letter keeps.
const KEPT: usize = 256 * 1024;

/// One message that nobody can read, and what it is put aside for.
struct Poison {
    what: &'static str,
    version: &'static str,
    value: Vec<u8>,
    error_type: &'static str,
}

fn poisons() -> [Poison; 6] {
    let poison =
        |what, version, value: &[u8], error_type| Poison { what, version, value: value.to_vec(), error_type };
    let of_nobody = json!({
        "eventId": "00000000-0000-5000-8000-000000000000", "eventType": "PAYMENT_CAPTURED", "eventSeq": 3,
        "paymentId": 424_242_424_242_u64, "merchantId": "shop-1", "version": 4, "operationNo": 2,
        "status": "CAPTURED", "amount": 1_000, "currency": "USD", "occurredAt": "2026-01-01T00:00:00.000000Z",
        "capturedAmount": 1_000, "pgTransactionId": "t",
    });
    let of_nobody = of_nobody.to_string().into_bytes();
    [
        poison("bad json", "1", b"{\"paymentId\": ", "MALFORMED_RECORD"),
        poison("not utf-8", "1", b"\xff\xfe\xfd", "MALFORMED_RECORD"),
        poison("unknown payment", "1", &of_nobody, "UNKNOWN_PAYMENT"),
        poison("wrong schema version", "2", &of_nobody, "UNSUPPORTED_SCHEMA_VERSION"),
        poison("empty", "1", b"", "MALFORMED_RECORD"),
        poison("1 mb", "1", &vec![b'x'; 1_000_000], "MALFORMED_RECORD"),
    ]
}

#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn what_nobody_can_read_is_put_aside_and_the_partition_goes_on() {
    let site = Site::new();
    let engine = site.engine(&[]);
    let shop = Merchant::new(&engine, "shop-1");
    let first = shop.authorized("first", 1_000, json!({"captureMode": "automatic"})).await;
    until_posted(&shop, first).await;
    let mut sent = BTreeMap::new();
    for (number, poison) in poisons().into_iter().enumerate() {
        // Each in another partition, and all of them in the first.
        let own = i32::try_from(number).expect("a few");
        for partition in if own == 0 { vec![0] } else { vec![0, own] } {
            let offset = send(&site.place, partition, &poison).await;
            sent.insert((partition, offset), (number, poison.version));
        }
    }
    let expected = i64::try_from(sent.len()).expect("a few");
    site.until("SELECT COUNT(*) FROM dead_letter", |letters| letters == expected).await;
    site.until_published().await;

    // Every partition goes on.
    let mut after = BTreeSet::new();
    let behind = |found: &[topics::Found], after: &BTreeSet<Vec<u8>>| {
        let of_them = found.iter().filter(|found| found.topic == TOPIC && after.contains(&found.key));
        let reached: BTreeSet<i32> = of_them.map(|found| found.partition).collect();
        reached.len() < PARTITIONS
    };
    while behind(&read(&site).await, &after) {
        let first = after.len();
        for number in first..first + 12 {
            let id =
                shop.authorized(&format!("after-{number}"), 1_000, json!({"captureMode": "automatic"})).await;
            until_posted(&shop, id).await;
            after.insert(id.to_string().into_bytes());
        }
    }

    let poisons = poisons();
    let mut letters = 0;
    for letter in read(&site).await.iter().filter(|found| found.topic == "payment.dlq") {
        let body = events::assert_fits(letter);
        assert_eq!(body["originalTopic"], TOPIC);
        let partition =
            i32::try_from(body["partition"].as_i64().expect("a partition")).expect("a small number");
        let (number, _) = sent[&(partition, body["offset"].as_i64().expect("an offset"))];
        assert_letter(&poisons[number], &letter.key, &body);
        letters += 1;
    }
    assert_eq!(letters, sent.len(), "one letter each");
    assert_check_is_clean(&engine).await;
}

fn assert_letter(poison: &Poison, key: &[u8], body: &Value) {
    let what = poison.what;
    assert_eq!(key, what.as_bytes(), "the original key");
    assert_eq!(body["errorType"], poison.error_type, "{what}");
    assert_eq!(body["payloadBytes"], poison.value.len(), "{what}");
    assert_eq!(body["payloadTruncated"], poison.value.len() > KEPT, "{what}");
    let payload = STANDARD.decode(body["payload"].as_str().expect("a payload")).expect("base64");
    assert_eq!(payload, poison.value[..poison.value.len().min(KEPT)], "{what}");
    assert!(body["errorMessage"].as_str().is_some_and(|message| !message.is_empty()), "{what}");
}

async fn until_posted(shop: &Merchant, id: u64) {
    let has_entries =
        |payment: &Value| payment["ledgerEntries"].as_array().is_some_and(|entries| !entries.is_empty());
    shop.until(id, "its ledger entry", has_entries).await;
}

async fn read(site: &Site) -> Vec<topics::Found> {
    let place = Arc::clone(&site.place);
    tokio::task::spawn_blocking(move || topics::read(&place)).await.expect("the topics are read")
}

/// Publishes as another program would; says at which offset.
async fn send(place: &Place, partition: i32, poison: &Poison) -> i64 {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &place.servers.kafka)
        .set("message.max.bytes", "2097152")
        .create()
        .expect("the options are right");
    let headers = OwnedHeaders::new().insert(Header { key: "schemaVersion", value: Some(poison.version) });
    let topic = place.topic(TOPIC);
    let record = FutureRecord::to(&topic)
        .partition(partition)
        .key(poison.what)
        .payload(&poison.value)
        .headers(headers);
    producer.send(record, Duration::from_secs(10)).await.expect("it is written").offset
}
