//! The SQLite adapters keep the contracts of their ports.

use std::sync::Arc;

use payment_actors::ports::Store;
use payment_actors::ports::event_log::EventLog;
use payment_engine::sqlite::{DATABASE_FILE, SqliteStore, Upgrade};
use tempfile::TempDir;

fn open() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = SqliteStore::open(&directory.path().join(DATABASE_FILE), Upgrade::Automatic);
    (store.expect("a new database"), directory)
}

mod store {
    use super::*;

    async fn fresh() -> (Arc<dyn Store>, TempDir) {
        let (store, directory) = open();
        (Arc::new(store), directory)
    }

    payment_actors::store_contract!(fresh);
}

mod event_log {
    use super::*;

    async fn fresh() -> (Arc<dyn EventLog>, TempDir) {
        let (store, directory) = open();
        (Arc::new(store.event_log()), directory)
    }

    payment_actors::event_log_contract!(fresh);
}
