//! A member of a consumer group.
//!
//! Owns its position in each of its partitions. Partitions are shared out among the group's members; one that
//! is newly given to a member is read from the group's committed offset, so records come again.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use payment_schema::topic::Topic;
use tokio::time::sleep;

use super::{Shared, unreachable};
use crate::ports::event_log::{Consumed, LogError, Position, Subscription};
use crate::simulation::environment::Part;
use crate::simulation::faults::Fault;

pub(super) struct SimSubscription {
    shared: Arc<Shared>,
    group: String,
    member: u64,
    partitions: Vec<(Topic, u32)>,
    next: BTreeMap<(Topic, u32), u64>,
}

impl SimSubscription {
    pub(super) fn join(shared: Arc<Shared>, group: &str, topics: &[Topic]) -> Self {
        let member = shared.records.lock().join(group, topics);
        let partitions = topics.iter().flat_map(|topic| (0..topic.partitions()).map(|p| (*topic, p)));
        let partitions = partitions.collect();
        Self { shared, group: group.to_owned(), member, partitions, next: BTreeMap::new() }
    }

    /// Takes what waits, from partitions in an order drawn anew each time.
    fn take(&mut self, most: usize) -> Vec<Consumed> {
        let records = self.shared.records.lock();
        let first = self.shared.dice.lock().below(self.partitions.len().max(1) as u64);
        let first = usize::try_from(first).expect("a place in a list fits");
        let (behind, ahead) = self.partitions.split_at(first);
        let mut taken = Vec::new();
        for partition in ahead.iter().chain(behind) {
            if !records.is_share_of(&self.group, self.member, *partition) {
                self.next.remove(partition);
                continue;
            }
            let next = self.next.entry(*partition).or_insert_with(|| records.offset(&self.group, *partition));
            let found = records.from(*partition, *next, most - taken.len());
            *next += found.len() as u64;
            taken.extend(found);
        }
        taken
    }
}

#[async_trait]
impl Subscription for SimSubscription {
    async fn next(&mut self, most: usize) -> Result<Vec<Consumed>, LogError> {
        let shared = Arc::clone(&self.shared);
        loop {
            let mut arrival = std::pin::pin!(shared.arrival.notified());
            arrival.as_mut().enable();
            let (before, _) = shared.delays();
            sleep(before).await;
            if shared.environment.is_out(Part::EventLog) || shared.strikes(Fault::ConsumeFailed) {
                return Err(unreachable());
            }
            if shared.strikes(Fault::Redelivered) {
                self.next.clear();
            }
            let taken = self.take(most);
            if !taken.is_empty() {
                return Ok(taken);
            }
            arrival.await;
        }
    }

    async fn commit(&mut self, done: &[Position]) -> Result<(), LogError> {
        let (before, after) = self.shared.delays();
        sleep(before).await;
        if self.shared.environment.is_out(Part::EventLog) || self.shared.strikes(Fault::OffsetLost) {
            return Err(unreachable());
        }
        for position in done {
            self.shared.records.lock().commit(&self.group, position);
        }
        sleep(after).await;
        Ok(())
    }

    async fn lag(&mut self) -> Result<Vec<(Topic, u64)>, LogError> {
        let (before, _) = self.shared.delays();
        sleep(before).await;
        if self.shared.environment.is_out(Part::EventLog) {
            return Err(unreachable());
        }
        let records = self.shared.records.lock();
        let mut topics: Vec<Topic> = self.partitions.iter().map(|(topic, _)| *topic).collect();
        topics.dedup();
        Ok(topics.into_iter().map(|topic| (topic, records.lag(&self.group, topic))).collect())
    }
}

impl Drop for SimSubscription {
    fn drop(&mut self) {
        self.shared.records.lock().leave(&self.group, self.member);
        // Others have more to read now.
        self.shared.arrival.notify_waiters();
    }
}
