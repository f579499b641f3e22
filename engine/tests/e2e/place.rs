//! A place of a system's own on MariaDB, Kafka and Redis: one name for its database, its topics and its keys.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use reqwest::Url;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use uuid::Uuid;

use crate::topics;

/// How long tidying up may take, part by part.
const TIDYING: Duration = Duration::from_secs(10);

/// Where the parts are.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    /// Without a database.
    pub(crate) mariadb: Url,
    /// `host:port`.
    pub(crate) kafka: String,
    /// `host:port`.
    pub(crate) redis: String,
}

impl Servers {
    /// Those that the environment names, as `compose/native env` prints it.
    pub(crate) fn of_the_environment() -> Self {
        let variable = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; compose/native test sets it"))
        };
        let address = |host: &str, port: &str| format!("{}:{}", variable(host), variable(port));
        let mut mariadb = Url::parse(&format!("mysql://{}", address("PAYMENT_DB_HOST", "PAYMENT_DB_PORT")))
            .expect("host and port make a url");
        mariadb.set_username(&variable("PAYMENT_DB_USER")).expect("the url has a host");
        mariadb.set_password(Some(&variable("PAYMENT_DB_PASSWORD"))).expect("the url has a host");
        Self {
            mariadb,
            kafka: variable("KAFKA_BOOTSTRAP_SERVERS"),
            redis: address("REDIS_HOST", "REDIS_PORT"),
        }
    }
}

/// A place that nobody else has. The engine makes the database and the topics; both are gone with this value.
pub(crate) struct Place {
    pub(crate) servers: Servers,
    pub(crate) name: String,
}

impl Place {
    pub(crate) fn on(servers: Servers) -> Self {
        Self { servers, name: format!("payment_test_{}", Uuid::now_v7().simple()) }
    }

    /// What tells an engine to be here.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        [
            ("PAYMENT__STORE__URL", self.database().to_string()),
            ("PAYMENT__BROKER__BOOTSTRAP", self.servers.kafka.clone()),
            ("PAYMENT__BROKER__TOPIC_PREFIX", self.topic("")),
            ("PAYMENT__CACHE__URL", format!("redis://{}", self.servers.redis)),
            ("PAYMENT__CACHE__KEY_PREFIX", format!("{}:", self.name)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// A topic's name at the brokers.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }

    /// A connection beside the engine's.
    pub(crate) async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(self.database().as_str()).await.expect("the database is there")
    }

    /// The address of its database.
    pub(crate) fn database(&self) -> Url {
        let mut url = self.servers.mariadb.clone();
        url.set_path(&self.name);
        url
    }

    async fn drop_database(&self) -> Result<(), sqlx::Error> {
        let mut connection = MySqlConnection::connect(self.servers.mariadb.as_str()).await?;
        connection.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {}", self.name))).await?;
        Ok(())
    }

    async fn delete_topics(&self) {
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &self.servers.kafka)
            .create()
            .expect("the options are right");
        let names: Vec<String> = topics::names().map(|name| self.topic(name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let within = AdminOptions::new().request_timeout(Some(TIDYING));
        drop(admin.delete_topics(&names, &within).await);
    }
}

impl Drop for Place {
    // A thread of its own: the test's runtime may be the one that is dropping this. What is not there any more, or
    // never was, need not be taken away.
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    drop(tokio::time::timeout(TIDYING, self.drop_database()).await);
                    drop(tokio::time::timeout(TIDYING, self.delete_topics()).await);
                });
            });
        });
    }
}
