//! The world of an embedded engine: SQLite file, event log, in-process cache, PG over HTTP.
//!
//! Owns which adapter stands behind which port, and the lock on the data directory. This is where the production
//! adapters will be chosen instead.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use payment_actors::limiter::InProcessAdmission;
use payment_actors::ports::Ports;
use payment_actors::ports::meter::Meter;
use payment_actors::ports::random::Random;
use reqwest::Url;

use super::error::ServeError;
use super::settings;
use crate::config::{Config, SecretUrl};
use crate::gateway::{GatewayError, HttpGateway};
use crate::pg_simulator::{PgSimulator, PgSimulatorHandle};
use crate::ports::{SeededRandom, SystemClock};
use crate::sqlite::{DataDirLock, SqliteStore, Upgrade};

/// The ports, and what must live as long as they are used.
pub(super) struct World {
    pub(super) ports: Ports,
    simulator: Option<PgSimulatorHandle>,
    /// Let go of last, when nothing writes any more.
    locks: Vec<DataDirLock>,
}

impl World {
    /// Takes the data directory and opens everything in it.
    pub(super) async fn open(config: &Config, meter: Arc<dyn Meter>) -> Result<Self, ServeError> {
        let locks = lock(config)?;
        let upgrade = if config.store.migrate { Upgrade::Automatic } else { Upgrade::Refused };
        let store = SqliteStore::open(&config.database(), upgrade)?;
        let random = Arc::new(SeededRandom::from_os()?);
        let (simulator, pg) = gateway_address(config, &*random).await?;
        let ports = Ports {
            event_log: Arc::new(store.event_log()),
            store: Arc::new(store),
            admission: Arc::new(InProcessAdmission::new(settings::admission(config))),
            gateway: Arc::new(HttpGateway::new(&pg, settings::gateway(config))?),
            clock: Arc::new(SystemClock),
            random,
            meter,
        };
        Ok(Self { ports, simulator, locks })
    }

    /// Where the PG simulator listens, if it runs inside.
    pub(super) fn simulator_address(&self) -> Option<SocketAddr> {
        self.simulator.as_ref().map(PgSimulatorHandle::address)
    }

    /// Closes everything; the data directory is free when this returns.
    pub(super) async fn close(self) {
        drop(self.ports);
        if let Some(simulator) = self.simulator {
            simulator.stop().await;
        }
        drop(self.locks);
    }
}

/// The data directory, and the database's own when it lies elsewhere.
fn lock(config: &Config) -> Result<Vec<DataDirLock>, ServeError> {
    let data_dir = config.engine.data_dir.as_path();
    let mut locks = vec![DataDirLock::acquire(data_dir)?];
    let database = config.database();
    let elsewhere =
        database.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    if let Some(directory) = elsewhere.filter(|directory| !is_same(directory, data_dir)) {
        locks.push(DataDirLock::acquire(directory)?);
    }
    Ok(locks)
}

fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The configured payment gateway, or a simulator inside.
async fn gateway_address(
    config: &Config,
    random: &dyn Random,
) -> Result<(Option<PgSimulatorHandle>, Url), ServeError> {
    if let Some(url) = config.pg.url.as_ref().map(SecretUrl::reveal) {
        return Ok((None, url.clone()));
    }
    let simulator = PgSimulator::start(settings::simulator(config, random.next_u64())).await?;
    let url = Url::parse(&format!("http://{}", simulator.address())).map_err(|_| GatewayError::NoHost)?;
    Ok((Some(simulator), url))
}
