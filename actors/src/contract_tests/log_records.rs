//! Records of the event log: order, offsets, and that nothing of them is changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use payment_schema::event::SCHEMA_VERSION;
use payment_schema::ids::{EventId, TraceId};
use payment_schema::topic::Topic;
use tokio::time::timeout;

use super::PATIENCE;
use crate::ports::event_log::{Consumed, EventLog, Record, Subscription};

/// A record with this key and value.
pub(super) fn record(topic: Topic, key: &str, value: &str) -> Record {
    Record {
        topic,
        key: Bytes::from(key.to_owned()),
        event_id: EventId::of_dead_letter(value),
        traceparent: TraceId::new(7).traceparent(9),
        payload: Bytes::from(value.to_owned()),
    }
}

/// Publishes records that the log must take.
pub(super) async fn publish(log: &dyn EventLog, records: &[Record]) {
    let results = log.publish(records).await;
    assert_eq!(results, vec![Ok(()); records.len()]);
}

/// Reads until there are `count` records, and no more than those.
pub(super) async fn read(subscription: &mut dyn Subscription, count: usize) -> Vec<Consumed> {
    let mut records = Vec::new();
    while records.len() < count {
        let next = timeout(PATIENCE, subscription.next(count - records.len())).await;
        let next = next.expect("records come in time").expect("the log is read");
        assert!(next.len() <= count - records.len(), "never more than asked for");
        records.extend(next);
    }
    records
}

pub(super) fn value(record: &Consumed) -> &str {
    std::str::from_utf8(&record.payload).expect("cases publish text")
}

/// Whatever partition a key has, its records come in the order they were published.
pub async fn records_of_one_key_keep_their_order(log: Arc<dyn EventLog>) {
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for round in 0..5 {
        let mut batch = Vec::new();
        for key in (1_024..1_034).map(|key: u32| key.to_string()) {
            let text = format!("{key} {round}");
            batch.push(record(Topic::Captured, &key, &text));
            expected.entry(key).or_default().push(text);
        }
        publish(&*log, &batch).await;
    }
    let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut partitions: BTreeMap<String, u32> = BTreeMap::new();
    for consumed in read(&mut *subscription, 50).await {
        let key = consumed.key.clone().expect("cases publish keys");
        let key = String::from_utf8(key.to_vec()).expect("cases publish text");
        seen.entry(key.clone()).or_default().push(value(&consumed).to_owned());
        let partition = *partitions.entry(key).or_insert(consumed.position.partition);
        assert_eq!(partition, consumed.position.partition, "a key has one partition");
    }
    assert_eq!(seen, expected);
}

/// Each partition's offsets are 0, 1, 2 …
pub async fn offsets_rise_without_gaps(log: Arc<dyn EventLog>) {
    let records: Vec<Record> =
        (0..40).map(|number| record(Topic::Refunded, &number.to_string(), &number.to_string())).collect();
    for batch in records.chunks(7) {
        publish(&*log, batch).await;
    }
    let mut subscription = log.subscribe("g", &[Topic::Refunded]).await.expect("the group is joined");
    let mut next: BTreeMap<u32, u64> = BTreeMap::new();
    for consumed in read(&mut *subscription, 40).await {
        assert!(consumed.position.partition < Topic::Refunded.partitions());
        let expected = next.entry(consumed.position.partition).or_default();
        assert_eq!(consumed.position.offset, *expected);
        *expected += 1;
    }
}

/// Keys and values are bytes; headers say which schema and trace.
pub async fn a_record_arrives_as_it_was_published(log: Arc<dyn EventLog>) {
    let odd = [0, 159, 146, 150, 255];
    let payloads = [
        Bytes::from_static(b"{\"text\":\"\xe2\x9c\x93\"}"),
        Bytes::copy_from_slice(&odd),
        Bytes::new(),
        Bytes::from(vec![b'x'; 300_000]),
    ];
    let mut subscription = log.subscribe("g", &[Topic::PaymentDlq]).await.expect("the group is joined");
    for payload in payloads {
        let sent =
            Record { key: Bytes::copy_from_slice(&odd), payload, ..record(Topic::PaymentDlq, "", "any") };
        publish(&*log, std::slice::from_ref(&sent)).await;
        let [got] = &read(&mut *subscription, 1).await[..] else { panic!("one record") };
        assert_eq!(got.key.as_ref(), Some(&sent.key));
        assert_eq!(got.payload, sent.payload);
        assert_eq!(got.traceparent.as_ref(), Some(&sent.traceparent));
        assert_eq!(got.schema_version.as_deref(), Some(SCHEMA_VERSION));
    }
}

/// A subscription hears of its topics and of no other.
pub async fn only_topics_asked_for_are_read(log: Arc<dyn EventLog>) {
    for topic in Topic::ALL {
        publish(&*log, &[record(topic, "1024", topic.as_str())]).await;
    }
    let topics = [Topic::Captured, Topic::Refunded];
    let mut subscription = log.subscribe("g", &topics).await.expect("the group is joined");
    let mut seen: Vec<Topic> = Vec::new();
    for consumed in read(&mut *subscription, 2).await {
        assert_eq!(value(&consumed), consumed.position.topic.as_str());
        seen.push(consumed.position.topic);
    }
    seen.sort_unstable();
    assert_eq!(seen, topics);
    assert_eq!(subscription.lag().await.expect("lag is counted"), topics.map(|topic| (topic, 1)));
}

/// No records, no results.
pub async fn publishing_nothing_is_nothing(log: Arc<dyn EventLog>) {
    assert_eq!(log.publish(&[]).await, []);
}
