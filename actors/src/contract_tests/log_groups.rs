//! Consumer groups: each goes its own way, and takes up where it stopped.

use std::sync::Arc;

use payment_schema::topic::Topic;
use tokio::time::timeout;

use super::PATIENCE;
use super::log_records::{publish, read, record, value};
use crate::ports::event_log::{Consumed, EventLog, Position};

fn values(records: &[Consumed]) -> Vec<&str> {
    records.iter().map(value).collect()
}

fn positions(records: &[Consumed]) -> Vec<Position> {
    records.iter().map(|record| record.position).collect()
}

async fn publish_numbers(log: &dyn EventLog, numbers: std::ops::Range<u32>) {
    let records: Vec<_> =
        numbers.map(|number| record(Topic::Captured, "1024", &number.to_string())).collect();
    publish(log, &records).await;
}

/// After a restart a group hears only what it has not committed.
pub async fn a_group_goes_on_behind_what_it_committed(log: Arc<dyn EventLog>) {
    publish_numbers(&*log, 0..5).await;
    let mut first = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let records = read(&mut *first, 5).await;
    first.commit(&positions(&records[..3])).await.expect("the offsets are kept");
    drop(first);

    let mut second = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let records = read(&mut *second, 2).await;
    assert_eq!(values(&records), ["3", "4"]);
    second.commit(&positions(&records)).await.expect("the offsets are kept");
    publish_numbers(&*log, 5..6).await;
    assert_eq!(values(&read(&mut *second, 1).await), ["5"]);
}

/// At least once: what had no effect yet comes again.
pub async fn what_was_not_committed_is_read_again(log: Arc<dyn EventLog>) {
    publish_numbers(&*log, 0..3).await;
    for _ in 0..2 {
        let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
        assert_eq!(values(&read(&mut *subscription, 3).await), ["0", "1", "2"]);
    }
}

/// Each group hears everything.
pub async fn groups_do_not_disturb_each_other(log: Arc<dyn EventLog>) {
    publish_numbers(&*log, 0..3).await;
    let mut one = log.subscribe("one", &[Topic::Captured]).await.expect("the group is joined");
    let mut other = log.subscribe("other", &[Topic::Captured]).await.expect("the group is joined");
    let records = read(&mut *one, 3).await;
    one.commit(&positions(&records)).await.expect("the offsets are kept");
    assert_eq!(values(&read(&mut *other, 3).await), ["0", "1", "2"]);
}

/// Whoever waits is woken.
pub async fn a_waiting_reader_hears_of_a_publication(log: Arc<dyn EventLog>) {
    let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let publisher = async {
        // The reader is polled first, so it waits by now, however far its first look has come.
        tokio::task::yield_now().await;
        publish_numbers(&*log, 0..1).await;
    };
    let reader = read(&mut *subscription, 1);
    let both = async { tokio::join!(biased; reader, publisher) };
    let (records, ()) = timeout(PATIENCE, both).await.expect("the reader is woken");
    assert_eq!(values(&records), ["0"]);
}

/// A dropped wait takes no record with it.
pub async fn a_reader_that_stops_waiting_loses_nothing(log: Arc<dyn EventLog>) {
    let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    publish_numbers(&*log, 0..4).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        tokio::select! {
            biased;
            next = subscription.next(1) => seen.extend(next.expect("the log is read")),
            () = std::future::ready(()) => seen.extend(read(&mut *subscription, 1).await),
        }
    }
    assert_eq!(values(&seen), ["0", "1", "2", "3"]);
}

/// When the member that reads leaves, the one that waits goes on behind its commits.
pub async fn a_member_takes_over_when_another_leaves(log: Arc<dyn EventLog>) {
    publish_numbers(&*log, 0..4).await;
    let mut first = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let records = read(&mut *first, 2).await;
    first.commit(&positions(&records)).await.expect("the offsets are kept");
    let mut second = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    drop(first);
    assert_eq!(values(&read(&mut *second, 2).await), ["2", "3"]);
}

/// Lag is per topic, and counts what the group has not committed rather than what it has not read.
pub async fn lag_counts_what_is_not_committed(log: Arc<dyn EventLog>) {
    let topics = [Topic::Captured, Topic::Refunded];
    publish_numbers(&*log, 0..4).await;
    let mut subscription = log.subscribe("g", &topics).await.expect("the group is joined");
    let expected = |captured| vec![(Topic::Captured, captured), (Topic::Refunded, 0)];
    assert_eq!(subscription.lag().await.expect("lag is counted"), expected(4));
    let records = read(&mut *subscription, 4).await;
    assert_eq!(subscription.lag().await.expect("lag is counted"), expected(4));
    subscription.commit(&positions(&records[..3])).await.expect("the offsets are kept");
    assert_eq!(subscription.lag().await.expect("lag is counted"), expected(1));
    // An old commit that comes late takes nothing back.
    subscription.commit(&positions(&records[..1])).await.expect("the offsets are kept");
    assert_eq!(subscription.lag().await.expect("lag is counted"), expected(1));
}
