//! An event log with topics of its own on the brokers that the environment names.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use payment_actors::contract_tests::PATIENCE;
use payment_actors::ports::event_log::{Consumed, Record, Subscription};
use payment_engine::kafka::{KafkaEventLog, KafkaSettings};
use payment_schema::ids::{EventId, TraceId};
use payment_schema::topic::Topic;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use tokio::time::timeout;
use uuid::Uuid;

/// Settings for topics that nobody else has.
pub(crate) fn settings() -> KafkaSettings {
    let bootstrap =
        std::env::var("KAFKA_BOOTSTRAP_SERVERS").expect("KAFKA_BOOTSTRAP_SERVERS names the brokers");
    KafkaSettings { bootstrap, topic_prefix: format!("test-{}.", Uuid::now_v7()), ..KafkaSettings::default() }
}

/// Takes a test's topics away.
pub(crate) struct Cleanup(KafkaSettings);

/// An event log, and what takes its topics away in the end.
pub(crate) fn log_of_its_own() -> (KafkaEventLog, Cleanup) {
    let settings = settings();
    (open(&settings), Cleanup(settings))
}

pub(crate) fn open(settings: &KafkaSettings) -> KafkaEventLog {
    KafkaEventLog::new(settings.clone()).expect("the options are right")
}

impl Cleanup {
    pub(crate) fn settings(&self) -> &KafkaSettings {
        &self.0
    }
}

impl Drop for Cleanup {
    // On a thread, because a runtime cannot be waited for on one of its own.
    fn drop(&mut self) {
        let settings = self.0.clone();
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let names: Vec<String> =
                Topic::ALL.iter().map(|topic| format!("{}{topic}", settings.topic_prefix)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let admin = admin(&settings);
            // What was never made cannot be taken away, which is as good.
            let _ =
                runtime.map(|runtime| runtime.block_on(admin.delete_topics(&names, &AdminOptions::new())));
        });
        let _ = deleting.join();
    }
}

pub(crate) fn admin(settings: &KafkaSettings) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.bootstrap);
    config.create().expect("the options are right")
}

pub(crate) fn record(topic: Topic, key: &str, value: &str) -> Record {
    Record {
        topic,
        key: Bytes::from(key.to_owned()),
        event_id: EventId::of_dead_letter(value),
        traceparent: TraceId::new(7).traceparent(9),
        payload: Bytes::from(value.to_owned()),
    }
}

pub(crate) fn value(record: &Consumed) -> String {
    String::from_utf8(record.payload.to_vec()).expect("tests publish text")
}

/// The next records, which must come.
pub(crate) async fn next(subscription: &mut dyn Subscription) -> Vec<Consumed> {
    timeout(PATIENCE, subscription.next(100)).await.expect("records come in time").expect("the log is read")
}

/// The last positions of these records.
pub(crate) fn ends(records: &[Consumed]) -> Vec<payment_actors::ports::event_log::Position> {
    let mut ends = BTreeMap::new();
    for record in records {
        ends.insert((record.position.topic, record.position.partition), record.position);
    }
    ends.into_values().collect()
}

/// How long something may take that must fail by itself: twice the time for a delivery, and some.
pub(crate) const FAILS_WITHIN: Duration = Duration::from_secs(14);
