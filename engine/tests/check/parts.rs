//! Where lives are written: the embedded store with its event log, or databases and topics of the test's own on the
//! servers that the environment names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use payment_actors::ports::Store;
use payment_actors::ports::event_log::EventLog;
use payment_engine::check::World;
use payment_engine::kafka::{KafkaEventLog, KafkaSettings};
use payment_engine::mariadb::MariaDbStore;
use payment_engine::sqlite::{SqliteStore, Upgrade};
use payment_schema::topic::Topic;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rusqlite::{Connection, params};
use tempfile::TempDir;
use uuid::Uuid;

use crate::server::{TestDatabase, run};

/// A record that no engine would publish like this.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) topic: Topic,
    pub(crate) partition: u32,
    pub(crate) key: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) value: Vec<u8>,
}

/// The stores, the event log, and what takes them away in the end.
pub(crate) enum Parts {
    /// One file in a folder.
    Embedded(TempDir),
    /// Servers.
    Real {
        /// A payment belongs to one of them.
        databases: Vec<TestDatabase>,
        /// Topics that nobody else has.
        topics: Topics,
    },
}

/// A store for each database, and the event log.
pub(crate) struct Adapters {
    pub(crate) stores: Vec<Arc<dyn Store>>,
    pub(crate) log: Arc<dyn EventLog>,
}

impl Parts {
    pub(crate) fn embedded() -> (Self, Adapters) {
        let dir = TempDir::new().expect("a folder");
        let store = SqliteStore::open(&dir.path().join("payment.db"), Upgrade::Automatic).expect("a store");
        let log = Arc::new(store.event_log());
        (Self::Embedded(dir), Adapters { stores: vec![Arc::new(store)], log })
    }

    pub(crate) async fn real(databases: usize) -> (Self, Adapters) {
        let databases: Vec<TestDatabase> = (0..databases).map(|_| TestDatabase::new()).collect();
        let mut stores: Vec<Arc<dyn Store>> = Vec::new();
        for database in &databases {
            stores.push(Arc::new(MariaDbStore::connect(database.options()).await.expect("a new database")));
        }
        let topics = Topics::new();
        let log = KafkaEventLog::new(topics.0.clone()).expect("the options are right");
        // Joining a group makes the topics.
        drop(log.subscribe("nobody", &[Topic::Captured]).await.expect("topics"));
        (Self::Real { databases, topics }, Adapters { stores, log: Arc::new(log) })
    }

    /// What a check is to read.
    pub(crate) fn world(&self) -> World {
        match self {
            Self::Embedded(dir) => World::Embedded { database: file(dir), topics: None },
            Self::Real { databases, topics } => World::Servers {
                databases: databases.iter().map(TestDatabase::options).collect(),
                topics: topics.0.clone(),
            },
        }
    }

    /// Changes the databases as no engine would: triggers and constraints do not hold it back.
    pub(crate) async fn tamper(&self, sql: &str) {
        const GUARDS: &str = "DROP TRIGGER IF EXISTS payment_transition_is_never_updated;
            DROP TRIGGER IF EXISTS payment_transition_is_never_deleted;
            DROP TRIGGER IF EXISTS ledger_entry_is_never_updated; DROP TRIGGER IF EXISTS ledger_entry_is_never_deleted;";
        match self {
            Self::Embedded(dir) => {
                let free = "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;";
                let database = Connection::open(file(dir)).expect("the database");
                let done = database.execute_batch(&format!("{free} {GUARDS} {sql}"));
                done.unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            Self::Real { databases, .. } => {
                for database in databases {
                    let mut connection = database.connect().await;
                    run(&mut connection, &format!("SET check_constraint_checks = 0; {GUARDS} {sql}")).await;
                }
            }
        }
    }

    /// Writes a record past the adapter; says at which offset.
    pub(crate) async fn write(&self, raw: &Raw) -> i64 {
        match self {
            Self::Embedded(dir) => insert(&file(dir), raw),
            Self::Real { topics, .. } => topics.send(raw).await,
        }
    }
}

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("payment.db")
}

fn insert(database: &PathBuf, raw: &Raw) -> i64 {
    const NEXT: &str =
        "SELECT coalesce(max(offset) + 1, 0) FROM event_log WHERE topic = ?1 AND partition = ?2";
    const SQL: &str = "
        INSERT INTO event_log (topic, partition, offset, key, headers, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let database = Connection::open(database).expect("the database");
    let topic = raw.topic.as_str();
    let next: i64 =
        database.query_row(NEXT, params![topic, raw.partition], |row| row.get(0)).expect("an offset");
    let headers = serde_json::to_string(&raw.headers).expect("headers");
    let row = params![topic, raw.partition, next, raw.key, headers, raw.value];
    database.execute(SQL, row).expect("a record");
    next
}

/// Topics of a prefix; gone with this value.
pub(crate) struct Topics(pub(crate) KafkaSettings);

impl Topics {
    fn new() -> Self {
        let bootstrap =
            std::env::var("KAFKA_BOOTSTRAP_SERVERS").expect("KAFKA_BOOTSTRAP_SERVERS names the brokers");
        let topic_prefix = format!("check-{}.", Uuid::now_v7());
        Self(KafkaSettings { bootstrap, topic_prefix, ..KafkaSettings::default() })
    }

    /// Has the brokers delete the records of a topic, as they do when records are too old.
    pub(crate) async fn forget(&self, topic: Topic) {
        let admin: AdminClient<DefaultClientContext> =
            client(&self.0).create().expect("the options are right");
        let mut all = TopicPartitionList::new();
        for partition in (0..topic.partitions()).map(|number| i32::try_from(number).expect("a small number"))
        {
            let name = format!("{}{topic}", self.0.topic_prefix);
            all.add_partition_offset(&name, partition, Offset::End).expect("a place");
        }
        admin.delete_records(&all, &AdminOptions::new()).await.expect("they are deleted");
    }

    async fn send(&self, raw: &Raw) -> i64 {
        let producer: FutureProducer = client(&self.0).create().expect("the options are right");
        let name = format!("{}{}", self.0.topic_prefix, raw.topic);
        let empty = OwnedHeaders::new_with_capacity(raw.headers.len());
        let headers = raw
            .headers
            .iter()
            .fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let record = FutureRecord::to(&name)
            .partition(i32::try_from(raw.partition).expect("a small number"))
            .key(&raw.key)
            .payload(&raw.value)
            .headers(headers);
        producer.send(record, std::time::Duration::from_secs(10)).await.expect("it is written").offset
    }
}

fn client(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.bootstrap).set("message.max.bytes", "2097152");
    config
}

impl Drop for Topics {
    // On a thread, because a runtime cannot be waited for on one of its own.
    fn drop(&mut self) {
        let settings = self.0.clone();
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let admin: AdminClient<DefaultClientContext> =
                client(&settings).create().expect("the options are right");
            let names = Topic::ALL.map(|topic| format!("{}{topic}", settings.topic_prefix));
            let names = names.each_ref().map(String::as_str);
            runtime.map(|runtime| runtime.block_on(admin.delete_topics(&names, &AdminOptions::new())))
        });
        let _ = deleting.join();
    }
}
