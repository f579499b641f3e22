//! How many records wait behind what a group has kept.

use std::collections::BTreeMap;

use payment_schema::topic::Topic;
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::ANSWER_WITHIN;
use super::membership::Membership;
use super::topics::Topics;

/// Asks the brokers, for every partition of these topics, whoever reads it. Blocks, within bounds.
pub(super) fn lag_of(
    consumer: &StreamConsumer<Membership>,
    topics: &Topics,
    of: &[Topic],
) -> KafkaResult<Vec<(Topic, u64)>> {
    let places = places(topics, of, Offset::Invalid)?;
    let kept = offsets(topics, &consumer.committed_offsets(places, ANSWER_WITHIN)?)?;
    let ends = edges(consumer, topics, of, Offset::End)?;
    // Where nothing is kept yet, all that is there waits, which need not begin at 0 when retention is configured.
    let starts = if kept.len() < ends.len() {
        edges(consumer, topics, of, Offset::Beginning)?
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

/// Whether a broker does not lead a partition any more, or does not know yet that it does, or that it does again: a broker
/// that was too busy to be heard of loses its partitions for a moment. Worth another question.
pub(super) fn has_moved(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| {
        matches!(
            code,
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::FencedLeaderEpoch
                | RDKafkaErrorCode::UnknownLeaderEpoch
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    })
}

/// The offsets of all partitions at the beginning or the end; one request for each broker.
pub(super) fn edges<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
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
