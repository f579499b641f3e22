//! The world of an engine: which adapter stands behind which port.
//!
//! Owns the choice (SQLite file or MariaDB, event log in that file or Kafka, limits in the process or in Redis, a
//! simulator inside or a payment gateway elsewhere), the lock on the data directory, and the order in which it all
//! is let go.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use payment_actors::limiter::InProcessAdmission;
use payment_actors::ports::Ports;
use payment_actors::ports::admission::AdmissionCache;
use payment_actors::ports::event_log::EventLog;
use payment_actors::ports::random::Random;
use reqwest::Url;

use super::error::ServeError;
use super::settings;
use super::stores::{OpenStore, is_same};
use crate::config::{Config, SecretUrl};
use crate::gateway::{GatewayError, HttpGateway};
use crate::kafka::KafkaEventLog;
use crate::pg_simulator::{PgSimulator, PgSimulatorHandle};
use crate::ports::{SeededRandom, SystemClock};
use crate::redis::RedisAdmission;
use crate::sqlite::DataDirLock;
use crate::telemetry::Metrics;

/// How long what was handed to Kafka may take to arrive when the engine ends; what does not is in the outbox.
const LAST_DELIVERIES: Duration = Duration::from_secs(5);

/// The ports, and what must live as long as they are used.
pub(super) struct World {
    pub(super) ports: Ports,
    /// No other process uses the store.
    pub(super) alone: bool,
    store: OpenStore,
    kafka: Option<KafkaEventLog>,
    simulator: Option<PgSimulatorHandle>,
    /// Let go of last, when nothing writes any more.
    locks: Vec<DataDirLock>,
}

impl World {
    /// Takes the data directory if anything is kept there, and opens everything.
    pub(super) async fn open(config: &Config, metrics: &Arc<Metrics>) -> Result<Self, ServeError> {
        let locks = lock(config)?;
        let store = OpenStore::open(config).await?;
        let kafka = settings::kafka(config).map(KafkaEventLog::new).transpose()?;
        let random = Arc::new(SeededRandom::from_os()?);
        let (simulator, pg) = gateway_address(config, &*random).await?;
        let gateway = HttpGateway::new(&pg, settings::gateway(config), config.pg.authorities.as_deref())?;
        let ports = Ports {
            event_log: event_log(&store, kafka.as_ref())?,
            store: store.port(),
            admission: admission(config, metrics).await?,
            gateway: Arc::new(gateway),
            clock: Arc::new(SystemClock),
            random,
            meter: Arc::clone(metrics) as _,
        };
        Ok(Self { ports, alone: store.is_alone(), store, kafka, simulator, locks })
    }

    /// Where the PG simulator listens, if it runs inside.
    pub(super) fn simulator_address(&self) -> Option<SocketAddr> {
        self.simulator.as_ref().map(PgSimulatorHandle::address)
    }

    /// Closes everything; the data directory is free when this returns.
    pub(super) async fn close(self) {
        drop(self.ports);
        if let Some(kafka) = self.kafka {
            kafka.close(LAST_DELIVERIES).await;
        }
        self.store.close().await;
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
        drop(self.locks);
    }
}

/// Kafka, or the event log in the embedded store's file.
fn event_log(store: &OpenStore, kafka: Option<&KafkaEventLog>) -> Result<Arc<dyn EventLog>, ServeError> {
    match (kafka, store) {
        (Some(kafka), _) => Ok(Arc::new(kafka.clone())),
        (None, OpenStore::Embedded(store)) => Ok(Arc::new(store.event_log())),
        (None, OpenStore::MariaDb(_) | OpenStore::Sharded(_)) => Err(ServeError::NoBroker),
    }
}

/// Redis, or the process by itself.
async fn admission(config: &Config, metrics: &Arc<Metrics>) -> Result<Arc<dyn AdmissionCache>, ServeError> {
    let limits = settings::admission(config);
    let Some(redis) = settings::redis(config)? else {
        return Ok(Arc::new(InProcessAdmission::new(limits)));
    };
    let metrics = Arc::clone(metrics);
    let admission = RedisAdmission::connect(&redis, limits, move || metrics.limiter_fell_back()).await?;
    Ok(Arc::new(admission))
}

/// The data directory and the database's own when it lies elsewhere; nothing when all is kept by servers.
fn lock(config: &Config) -> Result<Vec<DataDirLock>, ServeError> {
    let is_embedded = config.is_embedded();
    let mut locks = Vec::new();
    let data_dir = config.engine.data_dir.as_path();
    if is_embedded || config.simulates_the_gateway() {
        locks.push(DataDirLock::acquire(data_dir)?);
    }
    let database = config.database();
    let elsewhere =
        database.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    if let Some(directory) = elsewhere.filter(|directory| is_embedded && !is_same(directory, data_dir)) {
        locks.push(DataDirLock::acquire(directory)?);
    }
    Ok(locks)
}

/// The configured payment gateway, or a simulator inside.
async fn gateway_address(
    config: &Config,
    random: &dyn Random,
) -> Result<(Option<PgSimulatorHandle>, Url), ServeError> {
    if let Some(url) = config.pg.url.as_ref().map(SecretUrl::reveal) {
        return Ok((None, url.clone()));
    }
    if !config.simulates_the_gateway() {
        return Err(ServeError::NoGateway);
    }
    let simulator = PgSimulator::start(settings::simulator(config, random.next_u64())).await?;
    let url = Url::parse(&format!("http://{}", simulator.address())).map_err(|_| GatewayError::NoHost)?;
    Ok((Some(simulator), url))
}
