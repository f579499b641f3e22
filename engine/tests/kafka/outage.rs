//! Brokers that are not there, go, and come back.

use std::collections::BTreeMap;

use payment_actors::contract_tests::PATIENCE;
use payment_actors::ports::event_log::{EventLog, LogError, Record};
use payment_engine::kafka::{KafkaEventLog, KafkaSettings, KafkaSetupError};
use payment_schema::topic::Topic;
use rdkafka::mocking::MockCluster;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::parts::{FAILS_WITHIN, record, value};

fn settings(bootstrap: String) -> KafkaSettings {
    KafkaSettings { bootstrap, ..KafkaSettings::default() }
}

/// One simulated broker that has the topics; it cannot make any.
fn cluster() -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, KafkaEventLog) {
    let cluster = MockCluster::new(1).expect("a cluster in this process");
    for topic in Topic::ALL {
        let partitions = topic.partitions().try_into().expect("few partitions");
        cluster.create_topic(topic.as_str(), partitions, 1).expect("the topic is made");
    }
    let log = KafkaEventLog::new(settings(cluster.bootstrap_servers())).expect("the options are right");
    (cluster, log)
}

fn three() -> Vec<Record> {
    ["1", "1", "2"].into_iter().map(|key| record(Topic::Captured, key, key)).collect()
}

#[tokio::test]
async fn without_brokers_calls_fail_in_time() {
    // Taken, so that nobody else listens there; and silent, so that connecting succeeds and nothing follows.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let closed_at = closed.local_addr().expect("it has an address");
    drop(closed);
    for address in [closed_at, silent.local_addr().expect("it has an address")] {
        let log = KafkaEventLog::new(settings(address.to_string())).expect("brokers need not be there");
        let since = Instant::now();
        // Several at once share one attempt.
        let (first, second) = (three(), three());
        let (one, other) = tokio::join!(log.publish(&first), log.publish(&second));
        assert!(one.iter().chain(&other).all(Result::is_err));
        assert_eq!(one.len(), 3);
        assert!(log.subscribe("g", &[Topic::Captured]).await.is_err());
        assert!(since.elapsed() < FAILS_WITHIN * 2, "{:?}", since.elapsed());
    }
}

#[tokio::test]
async fn an_outage_fails_in_time_and_what_is_published_again_arrives_in_order() {
    let (cluster, log) = cluster();
    assert_eq!(log.publish(&three()).await, [Ok(()), Ok(()), Ok(())]);

    cluster.broker_down(1).expect("the broker stops");
    let since = Instant::now();
    let outcomes = log.publish(&three()).await;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    assert!(since.elapsed() < FAILS_WITHIN, "{:?}", since.elapsed());
    let behind = LogError("an earlier record of the same key was not published".to_owned());
    assert_eq!(outcomes[1], Err(behind));

    cluster.broker_up(1).expect("the broker starts");
    let mut waiting: Vec<Record> =
        (0..20).map(|n| record(Topic::Captured, &(n % 4).to_string(), &format!("again {n:02}"))).collect();
    let until = Instant::now() + PATIENCE;
    while !waiting.is_empty() {
        assert!(Instant::now() < until, "everything is published soon after the broker is back");
        let outcomes = log.publish(&waiting).await;
        let mut outcomes = outcomes.into_iter();
        waiting.retain(|_| outcomes.next().is_some_and(|outcome| outcome.is_err()));
    }

    let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    let mut seen: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    while seen.values().flatten().count() < 20 {
        let records =
            timeout(PATIENCE, subscription.next(100)).await.expect("records come").expect("it is read");
        for record in records.iter().filter(|record| value(record).starts_with("again")) {
            let values = seen.entry(record.key.clone().unwrap_or_default().to_vec()).or_default();
            if !values.contains(&value(record)) {
                values.push(value(record));
            }
        }
    }
    assert!(seen.values().all(|values| values.is_sorted()), "{seen:?}");
}

#[tokio::test]
async fn a_reader_hears_that_the_brokers_are_gone() {
    let (cluster, log) = cluster();
    let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    assert_eq!(log.publish(&three()).await, [Ok(()), Ok(()), Ok(())]);
    let mut read = 0;
    while read < 3 {
        let next = timeout(PATIENCE, subscription.next(10)).await.expect("records come").expect("it is read");
        read += next.len();
    }
    cluster.broker_down(1).expect("the broker stops");
    let heard = timeout(PATIENCE, subscription.next(10)).await.expect("it does not wait for ever");
    assert!(heard.is_err(), "{heard:?}");
    assert!(subscription.lag().await.is_err());
}

#[tokio::test]
async fn options_that_cannot_be_followed_are_named() {
    let with = |name: &str, value: &str| {
        let mut settings = settings("127.0.0.1:1".to_owned());
        settings.options.insert(name.to_owned(), value.to_owned());
        KafkaEventLog::new(settings).err().expect("it is refused")
    };
    assert!(matches!(with("acks", "1"), KafkaSetupError::Reserved { name, .. } if name == "acks"));
    for (name, value) in [("linger.msec", "1"), ("linger.ms", "soon")] {
        let error = with(name, value).to_string();
        assert!(error.contains(name), "{error}");
    }
    #[cfg(not(feature = "kafka-tls"))]
    {
        let error = with("security.protocol", "ssl").to_string();
        assert!(error.contains("--features kafka-tls"), "{error}");
    }
}
