//! The store of an engine: a file of its own, or a MariaDB that others may use as well.

use std::path::Path;
use std::sync::Arc;

use payment_actors::ports::Store;

use super::error::ServeError;
use crate::config::Config;
use crate::mariadb::{MariaDbOptions, MariaDbStore};
use crate::sqlite::{SqliteStore, Upgrade};

/// A store that is open.
pub(super) enum OpenStore {
    /// A SQLite file.
    Embedded(SqliteStore),
    /// A MariaDB.
    MariaDb(MariaDbStore),
}

impl OpenStore {
    /// Opens what is configured, and brings its tables up to date unless told not to.
    pub(super) async fn open(config: &Config) -> Result<Self, ServeError> {
        let upgrade = if config.store.migrate { Upgrade::Automatic } else { Upgrade::Refused };
        let Some(url) = config.database_server() else {
            return Ok(Self::Embedded(SqliteStore::open(&config.database(), upgrade)?));
        };
        let options = MariaDbOptions::from_url(url)?.upgrade(upgrade);
        let store = MariaDbStore::connect(options.connections(config.store.connections.get())).await?;
        Ok(Self::MariaDb(store))
    }

    /// Whether no other process can use it.
    pub(super) fn is_alone(&self) -> bool {
        match self {
            Self::Embedded(_) => true,
            Self::MariaDb(_) => false,
        }
    }

    /// The port.
    pub(super) fn port(&self) -> Arc<dyn Store> {
        match self {
            Self::Embedded(store) => Arc::new(store.clone()),
            Self::MariaDb(store) => Arc::new(store.clone()),
        }
    }

    /// Lets go of it in order.
    pub(super) async fn close(self) {
        match self {
            Self::Embedded(store) => drop(store),
            Self::MariaDb(store) => store.close().await,
        }
    }
}

/// Whether two paths are one directory.
pub(super) fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
