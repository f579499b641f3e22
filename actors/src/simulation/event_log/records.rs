//! The log's content: partitions, committed offsets and who reads what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use payment_schema::ids::EventId;
use payment_schema::topic::Topic;

use crate::ports::event_log::{Consumed, Position};

/// One record as it stands in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The key.
    pub key: Option<Bytes>,
    /// Header `eventId`.
    pub event_id: Option<EventId>,
    /// Header `traceparent`.
    pub traceparent: Option<String>,
    /// Header `schemaVersion`.
    pub schema_version: Option<String>,
    /// The value.
    pub payload: Bytes,
    /// Some other program wrote it.
    pub is_foreign: bool,
}

type Partition = (Topic, u32);

/// When a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Since the run began.
    pub at: Duration,
    /// The number of records of all topics up to this one.
    pub serial: u64,
}

#[derive(Debug)]
struct Written {
    moment: Moment,
    record: LogRecord,
}

/// Everything that was ever written, and how far each group has come.
#[derive(Debug, Default)]
pub struct Records {
    partitions: BTreeMap<Partition, Vec<Written>>,
    last_serial: u64,
    committed: BTreeMap<(String, Partition), u64>,
    members: BTreeMap<String, Vec<u64>>,
    subscribed: BTreeSet<(String, Topic)>,
    last_member: u64,
}

impl Records {
    pub(super) fn write(&mut self, topic: Topic, partition: u32, at: Duration, record: LogRecord) {
        self.last_serial += 1;
        let written = Written { moment: Moment { at, serial: self.last_serial }, record };
        self.partitions.entry((topic, partition)).or_default().push(written);
    }

    /// All records of a topic, partition by partition, from the first offset on.
    pub fn of_topic(&self, topic: Topic) -> impl Iterator<Item = (Position, &LogRecord)> {
        let mine = self.partitions.range((topic, 0)..=(topic, u32::MAX));
        mine.flat_map(|((topic, partition), records)| {
            (0..).zip(records).map(|(offset, written)| {
                (Position { topic: *topic, partition: *partition, offset }, &written.record)
            })
        })
    }

    /// When a record was written.
    #[must_use]
    pub fn moment(&self, position: &Position) -> Option<Moment> {
        let records = self.partitions.get(&(position.topic, position.partition))?;
        let place = usize::try_from(position.offset).ok()?;
        records.get(place).map(|written| written.moment)
    }

    /// How many records a group has not committed yet.
    #[must_use]
    pub fn lag(&self, group: &str, topic: Topic) -> u64 {
        let partitions = 0..topic.partitions();
        partitions.map(|partition| self.end(topic, partition) - self.offset(group, (topic, partition))).sum()
    }

    /// The group that has most of a topic left to read, among those that ever kept an offset or read along.
    #[must_use]
    pub fn longest_lag(&self, topic: Topic) -> Option<(String, u64)> {
        let readers = self.subscribed.iter().filter(|(_, of)| *of == topic).map(|(group, _)| group);
        readers.map(|group| (group.clone(), self.lag(group, topic))).max_by_key(|(_, lag)| *lag)
    }

    fn end(&self, topic: Topic, partition: u32) -> u64 {
        self.partitions.get(&(topic, partition)).map_or(0, |records| records.len() as u64)
    }

    pub(super) fn offset(&self, group: &str, partition: Partition) -> u64 {
        self.committed.get(&(group.to_owned(), partition)).copied().unwrap_or(0)
    }

    pub(super) fn commit(&mut self, group: &str, done: &Position) {
        let partition = (done.topic, done.partition);
        let offset = self.committed.entry((group.to_owned(), partition)).or_default();
        *offset = (*offset).max(done.offset + 1);
    }

    /// Records of a partition from an offset on.
    pub(super) fn from(&self, partition: Partition, offset: u64, most: usize) -> Vec<Consumed> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let records = self.partitions.get(&partition).map_or(&[][..], Vec::as_slice);
        let waiting = records.iter().skip(start).take(most);
        (offset..)
            .zip(waiting)
            .map(|(offset, Written { record, .. })| Consumed {
                position: Position { topic: partition.0, partition: partition.1, offset },
                key: record.key.clone(),
                schema_version: record.schema_version.clone(),
                traceparent: record.traceparent.clone(),
                payload: record.payload.clone(),
            })
            .collect()
    }

    pub(super) fn join(&mut self, group: &str, topics: &[Topic]) -> u64 {
        self.subscribed.extend(topics.iter().map(|topic| (group.to_owned(), *topic)));
        self.last_member += 1;
        self.members.entry(group.to_owned()).or_default().push(self.last_member);
        self.last_member
    }

    pub(super) fn leave(&mut self, group: &str, member: u64) {
        if let Some(members) = self.members.get_mut(group) {
            members.retain(|other| *other != member);
        }
    }

    /// Whether a partition is this member's share of the group.
    pub(super) fn is_share_of(&self, group: &str, member: u64, partition: Partition) -> bool {
        let members = self.members.get(group).map_or(&[][..], Vec::as_slice);
        let place = members.iter().position(|other| *other == member);
        let count = members.len();
        place.is_some_and(|place| usize::try_from(partition.1).is_ok_and(|number| number % count == place))
    }
}
