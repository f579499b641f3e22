//! Which partitions a member reads, and how far it has kept them.
//!
//! Kafka takes any offset from any member of the present generation, even one that goes back or is of a partition
//! that another member reads by now. What the port promises beyond that is kept here.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::client::ClientLog;

/// A partition as the brokers name it.
pub(super) type Partition = (String, i32);

/// The present assignment, as far as it matters for offsets.
#[derive(Default)]
pub(super) struct Membership {
    log: ClientLog,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The offset that the group reads next, by partition read under the present assignment.
    kept: BTreeMap<Partition, i64>,
    /// Partitions taken away since somebody last asked.
    revoked: BTreeSet<Partition>,
}

impl Membership {
    /// A record was read; under this assignment the partition began there if it is the first.
    pub(super) fn read(&self, partition: Partition, offset: i64) {
        self.state.lock().kept.entry(partition).or_insert(offset);
    }

    /// Partitions taken away since the last call.
    pub(super) fn take_revoked(&self) -> BTreeSet<Partition> {
        std::mem::take(&mut self.state.lock().revoked)
    }

    /// Those of the ends that take the group forward; none when a partition is no longer read here.
    pub(super) fn forward(&self, ends: &BTreeMap<Partition, i64>) -> Option<BTreeMap<Partition, i64>> {
        let state = self.state.lock();
        let mut forward = BTreeMap::new();
        for (partition, end) in ends {
            if end > state.kept.get(partition)? {
                forward.insert(partition.clone(), *end);
            }
        }
        Some(forward)
    }

    /// The brokers have kept these.
    pub(super) fn kept(&self, ends: BTreeMap<Partition, i64>) {
        let mut state = self.state.lock();
        for (partition, end) in ends {
            // A partition that went meanwhile is not this member's to speak of.
            if let Some(kept) = state.kept.get_mut(&partition) {
                *kept = end.max(*kept);
            }
        }
    }

    fn revoke(&self, list: &TopicPartitionList) {
        let mut state = self.state.lock();
        for element in list.elements() {
            let partition = (element.topic().to_owned(), element.partition());
            state.kept.remove(&partition);
            state.revoked.insert(partition);
        }
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, detail: &str) {
        self.log.log(level, facility, detail);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}

impl ConsumerContext for Membership {
    // Called while the subscription polls, on the thread that polls.
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                tracing::info!(partitions = list.count(), "partitions of the event log assigned");
            }
            Rebalance::Revoke(list) => {
                tracing::info!(partitions = list.count(), "partitions of the event log taken away");
                self.revoke(list);
            }
            Rebalance::Error(cause) => tracing::warn!(%cause, "rebalance failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(of: &[(i32, i64)]) -> BTreeMap<Partition, i64> {
        of.iter().map(|(partition, end)| (("t".to_owned(), *partition), *end)).collect()
    }

    #[test]
    fn offsets_only_go_forward() {
        let membership = Membership::default();
        membership.read(("t".to_owned(), 0), 5);
        membership.read(("t".to_owned(), 0), 9);
        assert_eq!(membership.forward(&ends(&[(0, 5)])), Some(BTreeMap::new()));
        assert_eq!(membership.forward(&ends(&[(0, 8)])), Some(ends(&[(0, 8)])));
        membership.kept(ends(&[(0, 8)]));
        assert_eq!(membership.forward(&ends(&[(0, 7)])), Some(BTreeMap::new()));
    }

    #[test]
    fn a_partition_that_went_cannot_be_kept() {
        let membership = Membership::default();
        membership.read(("t".to_owned(), 0), 5);
        membership.read(("t".to_owned(), 1), 5);
        let mut list = TopicPartitionList::new();
        list.add_partition("t", 1);
        membership.revoke(&list);
        assert_eq!(membership.take_revoked(), BTreeSet::from([("t".to_owned(), 1)]));
        assert_eq!(membership.take_revoked(), BTreeSet::new());
        assert_eq!(membership.forward(&ends(&[(0, 6), (1, 6)])), None);
        membership.kept(ends(&[(1, 6)]));
        assert_eq!(membership.forward(&ends(&[(1, 7)])), None);
    }
}
