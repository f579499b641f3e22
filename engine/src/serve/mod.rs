//! A whole engine in one process: takes the data directory, puts the world together, starts the actors and the
//! listeners, and ends everything in order.
//!
//! Owns the order of starting and ending, and nothing that happens in between.
//!
//! | file | what it holds |
//! |---|---|
//! | `settings` | the configuration as each part wants it |
//! | `world`, `stores` | which adapter stands behind which port |
//! | `listeners` | binding and serving the two listeners |
//! | `chores` | small things done every few seconds |
//! | `announce` | the ready file and the lines that are printed |
//! | `signals` | SIGTERM and Ctrl-C |
//! | `error` | why there is no engine |

mod announce;
mod chores;
mod error;
mod listeners;
mod settings;
mod signals;
mod stores;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actix_rt::{Arbiter, System};
use payment_actors::engine::{Engine, Surroundings};
use payment_actors::supervision::Observer;

use crate::api_keys::KeyKeeper;
use crate::config::Config;
use crate::telemetry::Metrics;
use announce::Addresses;
pub(crate) use announce::ReadyFile;
pub use error::ServeError;
use listeners::{Listeners, Sockets};
pub(crate) use settings::{kafka as kafka_settings, simulator as simulator_options};
pub(crate) use signals::Signals;
use world::World;

/// Runs an engine until it is asked to end.
///
/// # Errors
/// When it cannot start, or ends by itself.
pub fn run(config: &Config, ready_file: Option<&Path>) -> Result<(), ServeError> {
    System::new().block_on(serve(config, ready_file))
}

async fn serve(config: &Config, ready_file: Option<&Path>) -> Result<(), ServeError> {
    for remark in &config.remarks {
        tracing::warn!("{remark}");
    }
    // Signals are heard from the start, so that one that comes early still ends the engine in order.
    let mut signals = Signals::listen()?;
    let metrics = Arc::new(Metrics::new()?);
    let world = World::open(config, &metrics).await?;
    let mut keys = KeyKeeper::new(config, &world.ports)?;
    keys.catch_up().await.map_err(ServeError::Keys)?;
    let ring = Arc::clone(keys.ring());
    let sockets = Sockets::bind(config, &ring)?;
    let dead_letters = Arc::new(AtomicU64::new(0));
    let arbiters: Vec<Arbiter> = match settings::shards(config) {
        // Beside the journal and the workers, so that a request changes threads only where it comes in and goes out.
        1 => Vec::new(),
        several => (0..several).map(|_| Arbiter::new()).collect(),
    };
    let around = Surroundings {
        arbiters: arbiters.iter().map(Arbiter::handle).collect(),
        observer: Some(Arc::clone(&metrics) as Arc<dyn Observer>),
        dead_letters: Arc::clone(&dead_letters),
    };
    let engine = Engine::start(world.ports.clone(), settings::engine(config, world.alone), around).await?;
    let chores = chores::start(&engine, &metrics, dead_letters);
    let addresses = Addresses {
        public: sockets.public_address(),
        operator: sockets.operator_address(),
        pg: world.simulator_address(),
        asks_for_keys: sockets.public_door(&ring).demands_keys(),
    };
    let listeners = Listeners::serve(sockets, config, &engine, &metrics, &world, &ring)?;
    let keys = keys.keep_up();
    announce::ready(&addresses, config, ready_file, &*world.ports.random)?;
    let ended = tokio::select! {
        biased;
        ended = engine.ended() => ended.map_err(ServeError::from),
        signal = signals.next() => {
            tracing::info!(signal, "ending in order; a second signal ends at once");
            Ok(())
        }
    };
    signals.end_at_once_on_the_next();
    tracing::info!("draining");
    listeners.stop_taking_payments().await;
    engine.shutdown().await;
    chores.abort();
    keys.abort();
    listeners.stop().await;
    drop(engine);
    arbiters.iter().for_each(|arbiter| {
        arbiter.stop();
    });
    world.close().await;
    tracing::info!("ended");
    ended
}
