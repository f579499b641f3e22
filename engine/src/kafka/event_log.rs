//! [`EventLog`] on Kafka.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use payment_actors::ports::event_log::{EventLog, LogError, Record, Subscription};
use payment_schema::topic::Topic;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::client::ClientLog;
use super::membership::Membership;
use super::options::{KafkaSettings, KafkaSetupError};
use super::publish::{Delivered, Producer, Undelivered, in_waves};
use super::readiness::Readiness;
use super::subscription::{KafkaSubscription, Member};
use super::topics::Topics;
use super::{ANSWER_WITHIN, LOOK_AGAIN, log_error, off_the_arbiter};

/// The event log on Kafka. Clones share one producer.
#[derive(Clone)]
pub struct KafkaEventLog {
    shared: Arc<Shared>,
}

struct Shared {
    settings: KafkaSettings,
    topics: Arc<Topics>,
    readiness: Readiness,
    /// Replaced when librdkafka gives it up.
    producer: Mutex<Producer>,
    /// Each open member of a group holds a receiver.
    members: watch::Sender<()>,
}

impl KafkaEventLog {
    /// A client for these brokers. They need not be there: topics are found or made before the first use, and
    /// until that has succeeded every call fails within seconds.
    ///
    /// # Errors
    /// When the options cannot be followed, wherever the brokers are.
    pub fn new(settings: KafkaSettings) -> Result<Self, KafkaSetupError> {
        settings.check()?;
        let refused = |error: KafkaError| KafkaSetupError::Refused(error.to_string());
        let producer = new_producer(&settings.producer()).map_err(refused)?;
        // Made to be refused now rather than when somebody subscribes.
        drop(settings.consumer("").create_native_config().map_err(refused)?);
        let topics = Arc::new(Topics::new(&settings.topic_prefix));
        let shared = Shared {
            settings,
            topics,
            readiness: Readiness::default(),
            producer: Mutex::new(producer),
            members: watch::Sender::new(()),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Waits until everything handed over is delivered or has failed, and every dropped subscription has left its
    /// group; not longer than `within`. To be called when nobody publishes any more.
    pub async fn close(&self, within: Duration) {
        let producer = self.shared.producer.lock().clone();
        let flushed = tokio::task::spawn_blocking(move || producer.flush(within)).await;
        if let Ok(Err(cause)) = flushed {
            tracing::warn!(%cause, "not everything could be published before the end");
        }
        if timeout(within, self.shared.members.closed()).await.is_err() {
            tracing::warn!("a consumer group was not left before the end, its partitions rest for a while");
        }
    }

    /// Finds or makes the topics, and waits until the brokers serve them.
    async fn find_topics(&self) -> Result<(), LogError> {
        let until = Instant::now() + ANSWER_WITHIN;
        let mut missing = self.missing_topics().await?;
        if !missing.is_empty() {
            let (shared, wanted) = (Arc::clone(&self.shared), missing.clone());
            off_the_arbiter(move || shared.topics.create(&wanted, &shared.settings)).await??;
        }
        while !missing.is_empty() {
            if Instant::now() >= until {
                let names: Vec<&str> = missing.iter().map(|topic| self.shared.topics.name(*topic)).collect();
                return Err(LogError(format!("no broker leads the new topics {}", names.join(", "))));
            }
            sleep(LOOK_AGAIN).await;
            missing = self.missing_topics().await?;
        }
        Ok(())
    }

    async fn missing_topics(&self) -> Result<BTreeSet<Topic>, LogError> {
        let shared = Arc::clone(&self.shared);
        off_the_arbiter(move || {
            let producer = shared.producer.lock().clone();
            shared.topics.missing(producer.client())
        })
        .await?
    }

    /// Repairs what a failure has shown: topics that are gone, and a producer that librdkafka has given up, which
    /// would refuse everything from now on.
    async fn learn_from(&self, producer: Producer, outcomes: &[Delivered]) {
        let mut refusals = outcomes.iter().filter_map(|outcome| match outcome {
            Err(Undelivered::Refused(error)) => error.rdkafka_error_code(),
            Err(Undelivered::Held(_)) | Ok(()) => None,
        });
        if refusals.any(is_about_topics) {
            self.shared.readiness.lost().await;
        }
        let Some((_, cause)) = producer.client().fatal_error() else { return };
        let mut current = self.shared.producer.lock();
        if current.client().native_ptr() != producer.client().native_ptr() {
            return;
        }
        match new_producer(&self.shared.settings.producer()) {
            Ok(fresh) => {
                tracing::warn!(cause, "kafka producer given up, a new one takes its place");
                let spent = std::mem::replace(&mut *current, fresh);
                drop(current);
                // Dropping a producer waits for its threads.
                tokio::task::spawn_blocking(move || drop((spent, producer)));
            }
            Err(cause) => tracing::warn!(%cause, "kafka producer given up, and no new one can be made"),
        }
    }
}

#[async_trait]
impl EventLog for KafkaEventLog {
    async fn publish(&self, records: &[Record]) -> Vec<Result<(), LogError>> {
        if records.is_empty() {
            return Vec::new();
        }
        if let Err(error) = self.shared.readiness.reached(self.find_topics()).await {
            return vec![Err(error); records.len()];
        }
        let producer = self.shared.producer.lock().clone();
        let outcomes = in_waves(&producer, &self.shared.topics, records).await;
        if outcomes.iter().any(Result::is_err) {
            self.learn_from(producer, &outcomes).await;
        }
        outcomes.into_iter().map(|outcome| outcome.map_err(LogError::from)).collect()
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Subscription>, LogError> {
        // Asked anew each time, because joining a group says nothing when no broker is there.
        self.find_topics().await?;
        let config = self.shared.settings.consumer(group);
        let consumer: StreamConsumer<Membership> =
            StreamConsumer::from_config_and_context(&config, Membership::default())
                .map_err(|error| log_error(&error))?;
        let member = Member { consumer, _open: self.shared.members.subscribe() };
        let names: Vec<&str> = topics.iter().map(|topic| self.shared.topics.name(*topic)).collect();
        member.consumer.subscribe(&names).map_err(|error| log_error(&error))?;
        Ok(Box::new(KafkaSubscription::new(member, Arc::clone(&self.shared.topics), topics.to_vec())))
    }
}

fn new_producer(config: &ClientConfig) -> Result<Producer, KafkaError> {
    Producer::from_config_and_context(config, ClientLog)
}

fn is_about_topics(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
    )
}
