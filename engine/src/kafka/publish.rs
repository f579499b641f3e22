//! Publishing a batch so that a key's records never overtake one another.
//!
//! librdkafka keeps the order of what it delivers, but a record that expires while a broker comes back may be
//! followed by a younger one of its key that did not. So a key has one record under way at a time: a batch goes in
//! waves, each with the next record of every key that has had no failure.

use std::collections::BTreeSet;
use std::time::Duration;

use payment_actors::ports::event_log::{LogError, Record};
use payment_schema::event::SCHEMA_VERSION;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::time::Instant;

use super::client::ClientLog;
use super::log_error;
use super::options::MESSAGE_TIMEOUT_MS;
use super::topics::Topics;

pub(super) type Producer = FutureProducer<ClientLog>;

/// One record's outcome while the kind of error still matters.
pub(super) type Delivered = Result<(), Undelivered>;

/// Why a record is not known to be in the log.
#[derive(Debug, Clone)]
pub(super) enum Undelivered {
    /// Kafka or its client said so.
    Refused(KafkaError),
    /// It was not sent.
    Held(&'static str),
}

impl From<Undelivered> for LogError {
    fn from(undelivered: Undelivered) -> Self {
        match undelivered {
            Undelivered::Refused(error) => log_error(&error),
            Undelivered::Held(why) => Self(why.to_owned()),
        }
    }
}

const BEHIND_A_FAILURE: &str = "an earlier record of the same key was not published";
const OUT_OF_TIME: &str = "not tried, because others took all the time";
const CLIENT_GONE: &str = "the kafka client ended before it answered";

/// Publishes in waves. Ends within twice the message timeout once something has failed: a wave takes no longer
/// than that timeout, and none begins after it.
pub(super) async fn in_waves(producer: &Producer, topics: &Topics, records: &[Record]) -> Vec<Delivered> {
    let since = Instant::now();
    let mut outcomes: Vec<Delivered> = vec![Ok(()); records.len()];
    let mut failed: BTreeSet<&[u8]> = BTreeSet::new();
    let mut waiting: Vec<usize> = (0..records.len()).collect();
    while !waiting.is_empty() {
        let mut keys: BTreeSet<&[u8]> = BTreeSet::new();
        let (wave, later): (Vec<usize>, Vec<usize>) =
            waiting.into_iter().partition(|index| keys.insert(&records[*index].key));
        for (index, delivered) in send(producer, topics, records, wave).await {
            if delivered.is_err() {
                failed.insert(&records[index].key);
            }
            outcomes[index] = delivered;
        }
        let is_late = !failed.is_empty() && since.elapsed() >= Duration::from_millis(MESSAGE_TIMEOUT_MS);
        waiting = later;
        waiting.retain(|index| {
            let held = if failed.contains(&*records[*index].key) {
                BEHIND_A_FAILURE
            } else if is_late {
                OUT_OF_TIME
            } else {
                return true;
            };
            outcomes[*index] = Err(Undelivered::Held(held));
            false
        });
    }
    outcomes
}

/// Sends one wave and waits for all of it. A full queue is a failure at once, so nothing waits for room.
async fn send(
    producer: &Producer,
    topics: &Topics,
    records: &[Record],
    wave: Vec<usize>,
) -> Vec<(usize, Delivered)> {
    let under_way: Vec<_> = wave
        .into_iter()
        .map(|index| {
            let record = &records[index];
            let message = FutureRecord::to(topics.name(record.topic))
                .key(&record.key[..])
                .payload(&record.payload[..])
                .headers(headers(record));
            (index, producer.send_result(message).map_err(|(error, _)| error))
        })
        .collect();
    let mut delivered = Vec::with_capacity(under_way.len());
    for (index, sent) in under_way {
        let outcome = match sent {
            Err(error) => Err(Undelivered::Refused(error)),
            Ok(delivery) => match delivery.await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err((error, _))) => Err(Undelivered::Refused(error)),
                Err(_) => Err(Undelivered::Held(CLIENT_GONE)),
            },
        };
        delivered.push((index, outcome));
    }
    delivered
}

fn headers(record: &Record) -> OwnedHeaders {
    let event_id = record.event_id.to_string();
    OwnedHeaders::new_with_capacity(3)
        .insert(Header { key: "eventId", value: Some(&event_id) })
        .insert(Header { key: "traceparent", value: Some(&record.traceparent) })
        .insert(Header { key: "schemaVersion", value: Some(SCHEMA_VERSION) })
}
