//! The event log: topics, partitions, offsets, consumer groups. Kafka in production, a table when embedded.

use async_trait::async_trait;
use bytes::Bytes;
use payment_schema::ids::EventId;
use payment_schema::topic::Topic;

/// One record to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it goes.
    pub topic: Topic,
    /// The key, the payment id as text; records of one key keep their order within a topic. The dead letter of a
    /// foreign record keeps whatever key that had.
    pub key: Bytes,
    /// Header `eventId`.
    pub event_id: EventId,
    /// Header `traceparent`.
    pub traceparent: String,
    /// The value.
    pub payload: Bytes,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
}

/// One record read. Anything may be in it: other programs can write to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumed {
    /// Where it stands.
    pub position: Position,
    /// The key.
    pub key: Option<Bytes>,
    /// Header `schemaVersion`, when there is one.
    pub schema_version: Option<String>,
    /// Header `traceparent`, when there is one.
    pub traceparent: Option<String>,
    /// The value.
    pub payload: Bytes,
}

/// Why the log did not do as asked; publishing or reading again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event log is not available: {0}")]
pub struct LogError(pub String);

/// Publishes and subscribes.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Publishes records; each result says whether that record is durable in the log. An error may hide a record
    /// that was written: publishing is at least once. Within one call and key, a record after a failed one of the
    /// same key is not published.
    async fn publish(&self, records: &[Record]) -> Vec<Result<(), LogError>>;

    /// Joins a consumer group.
    ///
    /// # Errors
    /// When the log cannot be reached.
    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Subscription>, LogError>;
}

/// A member of a consumer group; leaves it when dropped.
#[async_trait]
pub trait Subscription: Send {
    /// The next records behind what this subscription has read, in order per partition; waits until there is one.
    /// A call that is given up while it waits has read nothing.
    ///
    /// # Errors
    /// When the log cannot be reached; reading continues where it stopped.
    async fn next(&mut self, most: usize) -> Result<Vec<Consumed>, LogError>;

    /// Keeps, for the group, that everything up to and including these positions has had its effect.
    ///
    /// # Errors
    /// When the log cannot be reached; the records may then be read again.
    async fn commit(&mut self, done: &[Position]) -> Result<(), LogError>;

    /// How many records wait behind what the group has committed, per topic.
    ///
    /// # Errors
    /// When the log cannot be reached.
    async fn lag(&mut self) -> Result<Vec<(Topic, u64)>, LogError>;
}
