//! How many records wait behind what a group has kept.

use std::collections::BTreeMap;
use std::time::Instant;

use payment_actors::ports::event_log::LogError;
use payment_schema::topic::Topic;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::membership::Membership;
use super::topics::Topics;
use super::{ANSWER_WITHIN, LOOK_AGAIN, log_error};

/// Asks the brokers, for every partition of these topics, whoever reads it. Blocks, within bounds.
pub(super) fn lag_of(
    consumer: &StreamConsumer<Membership>,
    topics: &Topics,
    of: &[Topic],
) -> Result<Vec<(Topic, u64)>, LogError> {
    let until = Instant::now() + ANSWER_WITHIN;
    loop {
        match measure(consumer, topics, of) {
            Err(error) if has_moved(&error) && Instant::now() < until => std::thread::sleep(LOOK_AGAIN),
            outcome => return outcome.map_err(|error| log_error(&error)),
        }
    }
}

/// A broker does not lead the partition any more, or does not know yet that it does.
fn has_moved(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| {
        matches!(
            code,
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    })
}

fn measure(
    consumer: &StreamConsumer<Membership>,
    topics: &Topics,
    of: &[Topic],
) -> KafkaResult<Vec<(Topic, u64)>> {
    let places = places(topics, of, Offset::Invalid)?;
    let kept = offsets(topics, &consumer.committed_offsets(places, ANSWER_WITHIN)?)?;
    let ends = at(consumer, topics, of, Offset::End)?;
    // Where nothing is kept yet, all that is there waits, which need not begin at 0 when retention is configured.
    let starts = if kept.len() < ends.len() {
        at(consumer, topics, of, Offset::Beginning)?
    } else {
        BTreeMap::new()
    };
    let mut waiting: BTreeMap<Topic, u64> = BTreeMap::new();
    for (place, end) in ends {
        let done = kept.get(&place).or_else(|| starts.get(&place)).copied().unwrap_or(0);
        *waiting.entry(place.0).or_default() += end.saturating_sub(done);
    }
    Ok(waiting.into_iter().collect())
}

/// The offsets of all partitions at the beginning or the end; one request for each broker.
fn at(
    consumer: &StreamConsumer<Membership>,
    topics: &Topics,
    of: &[Topic],
    place: Offset,
) -> KafkaResult<BTreeMap<(Topic, i32), u64>> {
    // ListOffsets takes the two ends of a partition in place of a time.
    offsets(topics, &consumer.offsets_for_times(places(topics, of, place)?, ANSWER_WITHIN)?)
}

fn places(topics: &Topics, of: &[Topic], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for topic in of {
        let count = i32::try_from(topics.partitions(*topic)).unwrap_or(i32::MAX);
        for partition in 0..count {
            list.add_partition_offset(topics.name(*topic), partition, offset)?;
        }
    }
    Ok(list)
}

fn offsets(topics: &Topics, list: &TopicPartitionList) -> KafkaResult<BTreeMap<(Topic, i32), u64>> {
    let mut found = BTreeMap::new();
    for element in list.elements() {
        element.error()?;
        if let (Some(topic), Offset::Offset(offset)) = (topics.parse(element.topic()), element.offset()) {
            found.insert((topic, element.partition()), u64::try_from(offset).unwrap_or(0));
        }
    }
    Ok(found)
}
