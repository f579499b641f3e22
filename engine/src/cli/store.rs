//! The store as a command opens it: beside running engines, or before the first one.
//!
//! Owns which adapter it is, and that a database which an engine uses is not migrated under it.

use payment_actors::ports::Store;

use super::failure::Failure;
use super::runtime;
use crate::config::{Config, ShardUrl};
use crate::mariadb::MariaDbOptions;
use crate::shards::ShardedStore;
use crate::sqlite::{DataDirLock, OpenError, SqliteStore, Upgrade};

/// What a command does with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reads. There must be a store.
    Read,
    /// Writes a little. A missing store is made.
    Write,
}

/// Does `work` with the configured store.
pub(super) fn with_store<T>(
    config: &Config,
    access: Access,
    work: impl AsyncFnOnce(&dyn Store) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if !config.is_embedded() {
        return runtime()?.block_on(with_servers(config, access, work));
    }
    let store = open_file(config, access)?;
    runtime()?.block_on(work(&store))
}

async fn with_servers<T>(
    config: &Config,
    access: Access,
    work: impl AsyncFnOnce(&dyn Store) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let failed = |error: crate::mariadb::OpenError| Failure::failed(error.to_string());
    let options = |server: &ShardUrl| {
        let options = MariaDbOptions::from_url(server.url.reveal()).map_err(failed)?.connections(1);
        let options = match access {
            Access::Read => options.read_only(),
            Access::Write if config.store.migrate => options.upgrade(Upgrade::Automatic),
            Access::Write => options.upgrade(Upgrade::Refused),
        };
        Ok((server.slots.clone(), options))
    };
    let databases = config.database_servers().iter().map(options).collect::<Result<_, Failure>>()?;
    let store = ShardedStore::connect(databases).await.map_err(failed)?;
    let done = work(&store).await;
    store.close().await;
    done
}

/// An engine that runs has brought the file up to date, and others may write to it beside the engine. So a file that
/// is not up to date has no engine, and the lock keeps one from starting in the middle.
fn open_file(config: &Config, access: Access) -> Result<SqliteStore, Failure> {
    let path = config.database();
    let opened = match access {
        Access::Read => SqliteStore::open_read_only(&path),
        Access::Write => match SqliteStore::open(&path, Upgrade::Refused) {
            Err(OpenError::Older { .. }) if config.store.migrate => {
                let lock = DataDirLock::acquire(&config.engine.data_dir);
                let _lock = lock.map_err(|error| Failure::failed(error.to_string()))?;
                SqliteStore::open(&path, Upgrade::Automatic)
            }
            opened => opened,
        },
    };
    opened.map_err(|error| Failure::failed(error.to_string()))
}
