//! A member of a consumer group on Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use payment_actors::ports::event_log::{Consumed, LogError, Position, Subscription};
use payment_schema::topic::Topic;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::lag::{has_moved, lag_of};
use super::membership::{Membership, Partition};
use super::topics::Topics;
use super::{ANSWER_WITHIN, LOOK_AGAIN, log_error, off_the_arbiter};

/// The consumer, and that it is open. Leaving the group talks to the brokers and blocks, so the last one to hold it
/// must be a thread that may.
pub(super) struct Member {
    pub(super) consumer: StreamConsumer<Membership>,
    /// Whoever shuts the event log down waits until all of these are gone.
    pub(super) _open: watch::Receiver<()>,
}

/// Reads what the group has assigned to it.
pub(super) struct KafkaSubscription {
    /// Taken only when this is dropped.
    member: Option<Arc<Member>>,
    topics: Arc<Topics>,
    subscribed: Vec<Topic>,
    /// An error that came after records that were handed over first.
    pending: Option<LogError>,
}

impl KafkaSubscription {
    pub(super) fn new(member: Member, topics: Arc<Topics>, subscribed: Vec<Topic>) -> Self {
        Self { member: Some(Arc::new(member)), topics, subscribed, pending: None }
    }

    fn member(&self) -> &Arc<Member> {
        self.member.as_ref().expect("the member is there until this is dropped")
    }

    fn consumer(&self) -> &StreamConsumer<Membership> {
        &self.member().consumer
    }

    fn membership(&self) -> &Membership {
        self.consumer().context()
    }

    /// Waits for a record. Rebalances happen in here, between batches, when everything read before has had its
    /// effect or is to be read again anyway.
    async fn first(&self) -> Result<Consumed, LogError> {
        loop {
            match self.consumer().recv().await {
                Ok(message) => {
                    if let Some(record) = self.taken(&message) {
                        return Ok(record);
                    }
                }
                Err(error) if passes(&error) => tracing::debug!(cause = %error, "event log hesitates"),
                Err(error) => return Err(log_error(&error)),
            }
        }
    }

    /// Adds what is there already. What a rebalance takes away in between was not handed over, so its next reader
    /// gets it, and nobody else.
    fn fill(&mut self, records: &mut Vec<Consumed>, most: usize) {
        let mut pending = None;
        let mut stream = self.consumer().stream();
        while records.len() < most {
            let polled = stream.next().now_or_never().flatten();
            let revoked = self.membership().take_revoked();
            if !revoked.is_empty() {
                records.retain(|record| !revoked.contains(&self.partition(record.position)));
            }
            match polled {
                Some(Ok(message)) => records.extend(self.taken(&message)),
                Some(Err(error)) if passes(&error) => {}
                Some(Err(error)) => pending = Some(log_error(&error)),
                None => break,
            }
            if pending.is_some() {
                break;
            }
        }
        drop(stream);
        self.pending = pending;
    }

    fn taken(&self, message: &BorrowedMessage<'_>) -> Option<Consumed> {
        let topic = self.topics.parse(message.topic())?;
        self.membership().read((message.topic().to_owned(), message.partition()), message.offset());
        let bytes = |found: Option<&[u8]>| found.map(Bytes::copy_from_slice);
        Some(Consumed {
            position: Position {
                topic,
                partition: u32::try_from(message.partition()).ok()?,
                offset: u64::try_from(message.offset()).ok()?,
            },
            key: bytes(message.key()),
            schema_version: header(message, "schemaVersion"),
            traceparent: header(message, "traceparent"),
            payload: bytes(message.payload()).unwrap_or_default(),
        })
    }

    fn partition(&self, position: Position) -> Partition {
        let partition = i32::try_from(position.partition).unwrap_or(i32::MAX);
        (self.topics.name(position.topic).to_owned(), partition)
    }
}

#[async_trait]
impl Subscription for KafkaSubscription {
    // Dropping the future loses nothing: behind the only point where it waits, it does not wait again.
    async fn next(&mut self, most: usize) -> Result<Vec<Consumed>, LogError> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        loop {
            let first = self.first().await?;
            self.membership().take_revoked();
            let mut records = vec![first];
            self.fill(&mut records, most);
            if !records.is_empty() {
                return Ok(records);
            }
            if let Some(error) = self.pending.take() {
                return Err(error);
            }
        }
    }

    async fn commit(&mut self, done: &[Position]) -> Result<(), LogError> {
        // Kept as the offset to read next.
        let mut ends: BTreeMap<Partition, i64> = BTreeMap::new();
        for position in done {
            let next = i64::try_from(position.offset).unwrap_or(i64::MAX).saturating_add(1);
            let end = ends.entry(self.partition(*position)).or_default();
            *end = next.max(*end);
        }
        let Some(forward) = self.membership().forward(&ends) else {
            return Err(LogError("another member of the group reads these records by now".to_owned()));
        };
        if forward.is_empty() {
            return Ok(());
        }
        let list = offsets(&forward)?;
        let member = Arc::clone(self.member());
        off_the_arbiter(move || {
            member.consumer.commit(&list, CommitMode::Sync).map_err(|error| log_error(&error))?;
            member.consumer.context().kept(forward);
            Ok(())
        })
        .await?
    }

    async fn lag(&mut self) -> Result<Vec<(Topic, u64)>, LogError> {
        let until = Instant::now() + ANSWER_WITHIN;
        loop {
            let (member, topics) = (Arc::clone(self.member()), Arc::clone(&self.topics));
            let subscribed = self.subscribed.clone();
            match off_the_arbiter(move || lag_of(&member.consumer, &topics, &subscribed)).await? {
                Err(error) if has_moved(&error) && Instant::now() < until => sleep(LOOK_AGAIN).await,
                outcome => return outcome.map_err(|error| log_error(&error)),
            }
        }
    }
}

impl Drop for KafkaSubscription {
    fn drop(&mut self) {
        // A call of this member that is still under way keeps it, and then leaves on its own blocking thread.
        let member = self.member.take();
        let leave = move || drop(member);
        let left = std::thread::Builder::new().name("kafka-leave".to_owned()).spawn(leave);
        if let Err(cause) = left {
            tracing::warn!(%cause, "no thread to leave a consumer group on, leaving it here");
        }
    }
}

fn offsets(ends: &BTreeMap<Partition, i64>) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), end) in ends {
        list.add_partition_offset(topic, *partition, Offset::Offset(*end))
            .map_err(|error| log_error(&error))?;
    }
    Ok(list)
}

/// A header's text, whatever its writer made of it; judging it is the consumer's.
fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    let found = message.headers()?.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

/// What librdkafka gets over by itself. Everything else is told, `AllBrokersDown` included.
fn passes(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| {
        matches!(
            code,
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                // A topic that was just made is not known to every broker yet.
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                // Nobody asked for records for too long: the group goes on without this member until the next
                // question, which makes it join again.
                | RDKafkaErrorCode::PollExceeded
        )
    })
}
