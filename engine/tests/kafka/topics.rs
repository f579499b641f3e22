//! What is made on the brokers, and what a record looks like there.

use std::time::Duration;

use payment_actors::ports::event_log::EventLog;
use payment_schema::topic::Topic;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::parts::{admin, log_of_its_own, open, record, settings};

const ASKED: Duration = Duration::from_secs(10);

#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn missing_topics_are_made_as_agreed_and_others_stay() {
    let (log, kept) = log_of_its_own();
    let settings = kept.settings();
    let admin = admin(settings);
    // Somebody made one before, in another shape.
    let captured = format!("{}{}", settings.topic_prefix, Topic::Captured);
    let other = NewTopic::new(&captured, 2, TopicReplication::Fixed(1)).set("retention.ms", "86400000");
    admin.create_topics(&[other], &AdminOptions::new()).await.expect("the topic is made");

    let published =
        log.publish(&[record(Topic::Captured, "1024", "x"), record(Topic::RefundDlq, "1", "y")]).await;
    assert_eq!(published, [Ok(()), Ok(())]);

    for topic in Topic::ALL {
        let name = format!("{}{topic}", settings.topic_prefix);
        let metadata = admin.inner().fetch_metadata(Some(&name), ASKED).expect("the brokers answer");
        let partitions = metadata.topics()[0].partitions().len();
        let described = admin
            .describe_configs(&[ResourceSpecifier::Topic(&name)], &AdminOptions::new())
            .await
            .expect("the brokers answer");
        let config = described.into_iter().next().expect("one answer").expect("it is described");
        let setting = |name: &str| config.get(name).and_then(|entry| entry.value.clone()).expect("it is set");
        if topic == Topic::Captured {
            assert_eq!((partitions, setting("retention.ms").as_str()), (2, "86400000"));
        } else {
            assert_eq!(partitions, topic.partitions() as usize);
            assert_eq!(setting("retention.ms"), "-1");
            assert_eq!(setting("max.message.bytes"), "2097152");
        }
    }
    // Lag is counted over the partitions that are there.
    let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
    assert_eq!(subscription.lag().await, Ok(vec![(Topic::Captured, 1)]));
}

#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn what_is_configured_for_topics_goes_over_our_own() {
    let mut wanted = settings();
    wanted.topic_options = [("retention.ms".to_owned(), "604800000".to_owned())].into();
    let log = open(&wanted);
    assert_eq!(log.publish(&[record(Topic::Captured, "1", "x")]).await, [Ok(())]);
    let name = format!("{}{}", wanted.topic_prefix, Topic::Captured);
    let described = admin(&wanted)
        .describe_configs(&[ResourceSpecifier::Topic(&name)], &AdminOptions::new())
        .await
        .expect("the brokers answer");
    let config = described.into_iter().next().expect("one answer").expect("it is described");
    let retention = config.get("retention.ms").and_then(|entry| entry.value.clone());
    assert_eq!(retention.as_deref(), Some("604800000"));
}

#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn engines_that_start_together_make_the_topics_together() {
    let wanted = settings();
    let (one, other) = (open(&wanted), open(&wanted));
    let (first, second) = ([record(Topic::Captured, "1", "x")], [record(Topic::Refunded, "1", "y")]);
    let both = tokio::join!(one.publish(&first), other.publish(&second));
    assert_eq!(both, (vec![Ok(())], vec![Ok(())]));
}

#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn other_programs_find_key_headers_and_value() {
    let (log, kept) = log_of_its_own();
    let sent = record(Topic::Captured, "1024", "{\"paymentId\":1024}");
    assert_eq!(log.publish(std::slice::from_ref(&sent)).await, [Ok(())]);

    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kept.settings().bootstrap).set("group.id", "any");
    let consumer: BaseConsumer = config.create().expect("the options are right");
    let mut all = TopicPartitionList::new();
    let name = format!("{}{}", kept.settings().topic_prefix, Topic::Captured);
    for partition in 0..6 {
        all.add_partition_offset(&name, partition, Offset::Beginning).expect("the offset is valid");
    }
    consumer.assign(&all).expect("the partitions are assigned");
    let message = consumer.poll(ASKED).expect("the record comes").expect("it is read");
    assert_eq!(message.key(), Some(&sent.key[..]));
    assert_eq!(message.payload(), Some(&sent.payload[..]));
    let headers: Vec<(String, String)> = message
        .headers()
        .expect("there are headers")
        .iter()
        .map(|header| {
            let value = String::from_utf8(header.value.unwrap_or_default().to_vec());
            (header.key.to_owned(), value.expect("headers are text"))
        })
        .collect();
    let expected = [
        ("eventId", sent.event_id.to_string()),
        ("traceparent", sent.traceparent),
        ("schemaVersion", payment_schema::event::SCHEMA_VERSION.to_owned()),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[tokio::test]
#[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
async fn a_record_too_large_fails_alone_with_those_behind_it() {
    let (log, _kept) = log_of_its_own();
    let huge = "x".repeat(3 << 20);
    let records = [
        record(Topic::Captured, "1", "before"),
        record(Topic::Captured, "1", &huge),
        record(Topic::Captured, "2", "another key"),
        record(Topic::Captured, "1", "behind"),
    ];
    let outcomes = log.publish(&records).await;
    let published: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(published, [true, false, true, false], "{outcomes:?}");
    // Large ones within the limit pass.
    assert_eq!(log.publish(&[record(Topic::PaymentDlq, "1", &"x".repeat(2_000_000))]).await, [Ok(())]);
}
