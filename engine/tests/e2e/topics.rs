//! Everything that the topics of a place hold, read past the engine: no group, no offsets kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use payment_schema::topic::Topic;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::place::Place;
use crate::process::PATIENCE;

/// How long brokers may take for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// One record as it lies there.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Without the prefix.
    pub(crate) topic: &'static str,
    pub(crate) partition: i32,
    pub(crate) key: Vec<u8>,
    pub(crate) headers: BTreeMap<String, Vec<u8>>,
    pub(crate) value: Vec<u8>,
}

/// Every topic, without a prefix.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    Topic::ALL.into_iter().map(Topic::as_str)
}

/// A reader of its own, of every topic from its first record on.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    names: BTreeMap<String, &'static str>,
    /// Where each partition ended when this was made.
    ends: BTreeMap<(String, i32), i64>,
}

impl Reader {
    /// Blocks for the brokers' answers.
    pub(crate) fn of(place: &Place) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &place.servers.kafka)
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "20")
            .create()
            .expect("the options are right");
        let names: BTreeMap<String, &'static str> = names().map(|name| (place.topic(name), name)).collect();
        let mut all = TopicPartitionList::new();
        let mut ends = BTreeMap::new();
        for (at_the_brokers, name) in &names {
            let topic = Topic::parse(name).expect("it is one of ours");
            for partition in 0..i32::try_from(topic.partitions()).expect("few partitions") {
                let end = end(&consumer, at_the_brokers, partition);
                all.add_partition_offset(at_the_brokers, partition, Offset::Beginning)
                    .expect("a valid offset");
                ends.insert((at_the_brokers.clone(), partition), end);
            }
        }
        consumer.assign(&all).expect("the partitions are there");
        Self { consumer, names, ends }
    }

    /// The next record, if one comes soon; within a partition in order. Blocks.
    pub(crate) fn next(&self, soon: Duration) -> Option<Found> {
        let message = self.consumer.poll(soon)?.unwrap_or_else(|error| panic!("{error}"));
        Some(self.found(&message))
    }

    fn found(&self, message: &BorrowedMessage<'_>) -> Found {
        let headers = message.headers().map(|headers| {
            let pairs = headers.iter();
            pairs.map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec())).collect()
        });
        Found {
            topic: self.names[message.topic()],
            partition: message.partition(),
            key: message.key().unwrap_or_default().to_vec(),
            headers: headers.unwrap_or_default(),
            value: message.payload().unwrap_or_default().to_vec(),
        }
    }

    /// All that was there when this was made.
    fn all(mut self) -> Vec<Found> {
        let begun = Instant::now();
        let mut found = Vec::new();
        self.ends.retain(|_, end| *end > 0);
        while !self.ends.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "not read to the end: {:?}", self.ends);
            let Some(message) = self.consumer.poll(Duration::from_secs(1)) else { continue };
            let message = message.unwrap_or_else(|error| panic!("{error}"));
            found.push(self.found(&message));
            let place = (message.topic().to_owned(), message.partition());
            if self.ends.get(&place).is_some_and(|end| message.offset() + 1 >= *end) {
                self.ends.remove(&place);
            }
        }
        found
    }
}

/// Where a partition ends. Brokers that are busy lose their partitions for a moment, and are asked again.
fn end(consumer: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    let begun = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, ANSWER) {
            Ok((_, end)) => return end,
            // Nothing is assigned yet, so that this only waits.
            Err(_) if begun.elapsed() < PATIENCE => drop(consumer.poll(Duration::from_millis(100))),
            Err(error) => panic!("{topic}: {error}"),
        }
    }
}

/// Every record; within a partition in order. Blocks.
pub(crate) fn read(place: &Place) -> Vec<Found> {
    Reader::of(place).all()
}
