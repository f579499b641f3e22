//! Everything that the topics hold, from their first records to where they end when the reading begins.
//!
//! For auditors: reads without a group, so no engine notices, and keeps no offsets. One topic after the other, and
//! never more in memory than librdkafka fetches ahead.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use payment_schema::topic::Topic;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::LOOK_AGAIN;
use super::client::ClientLog;
use super::lag::{edges, has_moved};
use super::options::{KafkaSettings, KafkaSetupError};
use super::topics::Topics;

/// How long nothing may come while something is left to read.
const MOST_SILENCE: Duration = Duration::from_secs(30);

/// How long one wait for a record takes at most; the silence is looked at in between.
const ONE_WAIT: Duration = Duration::from_millis(250);

/// Why the topics cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The options cannot be followed.
    #[error(transparent)]
    Setup(#[from] KafkaSetupError),
    /// The brokers do not say what there is.
    #[error("kafka at {bootstrap} does not answer: {cause}; start it, or correct broker.bootstrap")]
    Unreachable {
        /// The addresses.
        bootstrap: String,
        /// Why.
        cause: String,
    },
    /// Topics are not there, or nobody leads them.
    #[error(
        "kafka at {bootstrap} does not serve {name}{more}; correct broker.topic_prefix, or start the engine once, which \
         makes the topics", more = and_others(*.others)
    )]
    Missing {
        /// The addresses.
        bootstrap: String,
        /// One of the topics, as the brokers would name it.
        name: String,
        /// How many others there are.
        others: usize,
    },
    /// Records stopped coming.
    #[error("kafka gave no further record of {topic} for {} s: {cause}; look at the brokers and try again", .silence.as_secs())]
    Silent {
        /// The topic as the brokers name it.
        topic: String,
        /// For how long.
        silence: Duration,
        /// The last thing that was heard.
        cause: String,
    },
}

fn and_others(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more topics") }
}

impl ConsumerContext for ClientLog {}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy)]
struct Span {
    begin: i64,
    end: i64,
}

/// The topics as they were when this was made.
pub struct History {
    consumer: BaseConsumer<ClientLog>,
    topics: Topics,
    spans: BTreeMap<(Topic, i32), Span>,
}

impl History {
    /// Notes where every topic begins and ends. Blocks, within bounds.
    ///
    /// # Errors
    /// When the brokers do not answer, or do not have every topic.
    pub fn open(settings: &KafkaSettings) -> Result<Self, HistoryError> {
        settings.check()?;
        let config = settings.reader();
        let consumer: BaseConsumer<ClientLog> = BaseConsumer::from_config_and_context(&config, ClientLog)
            .map_err(|error| KafkaSetupError::Refused(error.to_string()))?;
        let topics = Topics::new(&settings.topic_prefix);
        let bootstrap = settings.bootstrap.clone();
        let missing = topics.missing(consumer.client()).map_err(|error| HistoryError::Unreachable {
            bootstrap: bootstrap.clone(),
            cause: error.to_string(),
        })?;
        if let Some(first) = missing.first() {
            let name = topics.name(*first).to_owned();
            return Err(HistoryError::Missing { bootstrap, name, others: missing.len() - 1 });
        }
        let spans = settled_spans(&consumer, &topics)
            .map_err(|error| HistoryError::Unreachable { bootstrap, cause: error.to_string() })?;
        Ok(Self { consumer, topics, spans })
    }

    /// How many records there are to read, at most.
    #[must_use]
    pub fn records(&self) -> u64 {
        let lengths = self.spans.values().map(|span| span.end.saturating_sub(span.begin));
        u64::try_from(lengths.sum::<i64>()).unwrap_or(0)
    }

    /// Topics whose first records are gone, by the brokers' names.
    #[must_use]
    pub fn shortened(&self) -> BTreeSet<&str> {
        let shortened = self.spans.iter().filter(|(_, span)| span.begin > 0);
        shortened.map(|((topic, _), _)| self.topics.name(*topic)).collect()
    }

    /// Hands every record over; within a partition in order. Blocks.
    ///
    /// # Errors
    /// When the brokers stop answering, or what `take` fails with.
    pub fn read<E: From<HistoryError>>(
        &self,
        mut take: impl FnMut(Topic, &BorrowedMessage<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        Topic::ALL.into_iter().try_for_each(|topic| self.read_topic(topic, &mut take))
    }

    fn read_topic<E: From<HistoryError>>(
        &self,
        topic: Topic,
        take: &mut impl FnMut(Topic, &BorrowedMessage<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let of_topic = self.spans.range((topic, i32::MIN)..=(topic, i32::MAX));
        let mut left: BTreeMap<i32, i64> = BTreeMap::new();
        let mut places = TopicPartitionList::new();
        for ((_, partition), span) in of_topic.filter(|(_, span)| span.begin < span.end) {
            left.insert(*partition, span.end);
            places
                .add_partition_offset(self.topics.name(topic), *partition, Offset::Offset(span.begin))
                .map_err(|error| self.silent(topic, &error))?;
        }
        if left.is_empty() {
            return Ok(());
        }
        self.consumer.assign(&places).map_err(|error| self.silent(topic, &error))?;
        let mut last_cause = "nothing was said".to_owned();
        let mut heard = Instant::now();
        while !left.is_empty() {
            match self.consumer.poll(ONE_WAIT) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    self.consider(topic, &message, &mut left, take)?;
                }
                // Offsets need not be dense, so the last one may never be seen.
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(left.remove(&partition)),
                // librdkafka goes on by itself; for how long it is awaited is decided below.
                Some(Err(error)) => last_cause = error.to_string(),
                None => {}
            }
            if heard.elapsed() > MOST_SILENCE {
                let topic = self.topics.name(topic).to_owned();
                return Err(HistoryError::Silent { topic, silence: MOST_SILENCE, cause: last_cause }.into());
            }
        }
        self.consumer.unassign().map_err(|error| self.silent(topic, &error))?;
        Ok(())
    }

    /// What came behind the end is of another reading.
    fn consider<E>(
        &self,
        topic: Topic,
        message: &BorrowedMessage<'_>,
        left: &mut BTreeMap<i32, i64>,
        take: &mut impl FnMut(Topic, &BorrowedMessage<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if message.topic() != self.topics.name(topic) {
            return Ok(());
        }
        let (partition, offset) = (message.partition(), message.offset());
        let Some(end) = left.get(&partition).copied() else { return Ok(()) };
        if offset.saturating_add(1) >= end {
            left.remove(&partition);
        }
        if offset < end { take(topic, message) } else { Ok(()) }
    }

    fn silent(&self, topic: Topic, error: &KafkaError) -> HistoryError {
        let topic = self.topics.name(topic).to_owned();
        HistoryError::Silent { topic, silence: Duration::ZERO, cause: error.to_string() }
    }
}

/// Partitions that are changing hands are asked for again, as long as records may keep an auditor waiting.
fn settled_spans(
    consumer: &BaseConsumer<ClientLog>,
    topics: &Topics,
) -> Result<BTreeMap<(Topic, i32), Span>, KafkaError> {
    let until = Instant::now() + MOST_SILENCE;
    loop {
        match spans(consumer, topics) {
            // Nothing is assigned yet, so that this only waits.
            Err(error) if has_moved(&error) && Instant::now() < until => drop(consumer.poll(LOOK_AGAIN)),
            found => return found,
        }
    }
}

fn spans(
    consumer: &BaseConsumer<ClientLog>,
    topics: &Topics,
) -> Result<BTreeMap<(Topic, i32), Span>, KafkaError> {
    let signed = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
    let mut begins = edges(consumer, topics, &Topic::ALL, Offset::Beginning)?;
    let ends = edges(consumer, topics, &Topic::ALL, Offset::End)?;
    let span = |(place, end): ((Topic, i32), u64)| {
        let begin = begins.remove(&place).unwrap_or(0);
        (place, Span { begin: signed(begin), end: signed(end) })
    };
    Ok(ends.into_iter().map(span).collect())
}
