//! The store of an engine: a file of its own, or MariaDBs that others may use as well.

use std::path::Path;
use std::sync::Arc;

use payment_actors::ports::Store;

use super::error::ServeError;
use crate::config::{Config, ShardUrl};
use crate::mariadb::{MariaDbOptions, MariaDbStore};
use crate::shards::ShardedStore;
use crate::sqlite::{SqliteStore, Upgrade};

/// A store that is open.
pub(super) enum OpenStore {
    /// A SQLite file.
    Embedded(SqliteStore),
    /// A MariaDB.
    MariaDb(MariaDbStore),
    /// Several that share the merchants.
    Sharded(ShardedStore<MariaDbStore>),
}

impl OpenStore {
    /// Opens what is configured, and brings its tables up to date unless told not to.
    pub(super) async fn open(config: &Config) -> Result<Self, ServeError> {
        let upgrade = if config.store.migrate { Upgrade::Automatic } else { Upgrade::Refused };
        let connections = config.store.connections.get();
        let options = |server: &ShardUrl| {
            let options = MariaDbOptions::from_url(server.url.reveal())?;
            Ok::<_, ServeError>(options.upgrade(upgrade).connections(connections))
        };
        match &config.database_servers()[..] {
            [] => Ok(Self::Embedded(SqliteStore::open(&config.database(), upgrade)?)),
            [server] => Ok(Self::MariaDb(MariaDbStore::connect(options(server)?).await?)),
            servers => {
                let databases = servers.iter().map(|server| Ok((server.slots.clone(), options(server)?)));
                let databases = databases.collect::<Result<_, ServeError>>()?;
                Ok(Self::Sharded(ShardedStore::connect(databases).await?))
            }
        }
    }

    /// Whether no other process can use it.
    pub(super) fn is_alone(&self) -> bool {
        match self {
            Self::Embedded(_) => true,
            Self::MariaDb(_) | Self::Sharded(_) => false,
        }
    }

    /// The port.
    pub(super) fn port(&self) -> Arc<dyn Store> {
        match self {
            Self::Embedded(store) => Arc::new(store.clone()),
            Self::MariaDb(store) => Arc::new(store.clone()),
            Self::Sharded(store) => Arc::new(store.clone()),
        }
    }

    /// Lets go of it in order.
    pub(super) async fn close(self) {
        match self {
            Self::Embedded(store) => drop(store),
            Self::MariaDb(store) => store.close().await,
            Self::Sharded(store) => store.close().await,
        }
    }
}

/// Whether two paths are one directory.
pub(super) fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
