//! The topics: their names with the operator's prefix, and their creation.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use payment_actors::ports::event_log::LogError;
use payment_schema::topic::Topic;
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;
use tokio::runtime::Handle;

use super::client::ClientLog;
use super::options::{KafkaSettings, MAX_MESSAGE_BYTES};
use super::{ANSWER_WITHIN, log_error};

/// The broker's own default replication factor.
const AS_THE_BROKER_SAYS: TopicReplication<'static> = TopicReplication::Fixed(-1);

/// The engine's topics on these brokers.
pub(super) struct Topics {
    names: BTreeMap<Topic, String>,
    /// As the brokers have them; a topic made by somebody else may have another number than ours.
    partitions: Mutex<BTreeMap<Topic, u32>>,
}

impl Topics {
    pub(super) fn new(prefix: &str) -> Self {
        let names = Topic::ALL.into_iter().map(|topic| (topic, format!("{prefix}{topic}"))).collect();
        Self { names, partitions: Mutex::default() }
    }

    /// The topic's name on the brokers.
    pub(super) fn name(&self, topic: Topic) -> &str {
        self.names.get(&topic).map_or_else(|| topic.as_str(), String::as_str)
    }

    /// The topic of a name on the brokers.
    pub(super) fn parse(&self, name: &str) -> Option<Topic> {
        self.names.iter().find(|(_, known)| *known == name).map(|(topic, _)| *topic)
    }

    /// How many partitions it has.
    pub(super) fn partitions(&self, topic: Topic) -> u32 {
        self.partitions.lock().get(&topic).copied().unwrap_or_else(|| topic.partitions())
    }

    /// The topics that the brokers do not serve, or not yet. Blocks, within bounds.
    pub(super) fn missing<C: ClientContext>(&self, client: &Client<C>) -> Result<BTreeSet<Topic>, LogError> {
        let metadata = client.fetch_metadata(None, ANSWER_WITHIN).map_err(|error| log_error(&error))?;
        let served = self.served(&metadata);
        let missing = Topic::ALL.into_iter().filter(|topic| !served.contains_key(topic)).collect();
        *self.partitions.lock() = served;
        Ok(missing)
    }

    fn served(&self, metadata: &Metadata) -> BTreeMap<Topic, u32> {
        let ours = metadata.topics().iter().filter_map(|found| Some((self.parse(found.name())?, found)));
        let led = ours.filter(|(_, found)| {
            let partitions = found.partitions();
            !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0)
        });
        led.map(|(topic, found)| (topic, u32::try_from(found.partitions().len()).unwrap_or(u32::MAX)))
            .collect()
    }

    /// Creates topics. Blocks, within bounds. Several engines may do this at once: a topic that another one made
    /// first is as good.
    pub(super) fn create(&self, missing: &BTreeSet<Topic>, settings: &KafkaSettings) -> Result<(), LogError> {
        let admin: AdminClient<ClientLog> =
            AdminClient::from_config_and_context(&settings.client(), ClientLog)
                .map_err(|error| log_error(&error))?;
        let wanted: Vec<NewTopic<'_>> =
            missing.iter().map(|topic| self.wanted(*topic, &settings.topic_options)).collect();
        let options =
            AdminOptions::new().request_timeout(Some(ANSWER_WITHIN)).operation_timeout(Some(ANSWER_WITHIN));
        // On a blocking thread; the answer comes from the client's own thread.
        let outcomes = Handle::current()
            .block_on(admin.create_topics(&wanted, &options))
            .map_err(|error| log_error(&error))?;
        for outcome in outcomes {
            match outcome {
                Ok(topic) => tracing::info!(topic, "topic created"),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((topic, cause)) => {
                    return Err(LogError(format!("topic {topic} is missing and cannot be created: {cause}")));
                }
            }
        }
        Ok(())
    }

    fn wanted<'a>(&'a self, topic: Topic, over: &'a BTreeMap<String, String>) -> NewTopic<'a> {
        let partitions = i32::try_from(topic.partitions()).expect("a topic has few partitions");
        // Money's history is never thrown away by age, and a dead letter may hold most of a large record.
        let mut config = BTreeMap::from([("retention.ms", "-1"), ("max.message.bytes", MAX_MESSAGE_BYTES)]);
        config.extend(over.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let new = NewTopic::new(self.name(topic), partitions, AS_THE_BROKER_SAYS);
        config.into_iter().fold(new, |new, (name, value)| new.set(name, value))
    }
}
