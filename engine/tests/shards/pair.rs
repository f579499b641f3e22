//! A store over two files, the second of which can be kept from being opened.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use payment_engine::shards::{Shard, ShardedStore};
use payment_engine::sqlite::{SqliteStore, Upgrade};
use tempfile::TempDir;

/// A merchant of the first database.
pub(crate) const LOW: &str = "m-1";
/// A merchant of the second.
pub(crate) const HIGH: &str = "m-2";

pub(crate) struct Pair {
    pub(crate) store: ShardedStore<SqliteStore>,
    /// Whether the second database can be opened; once it is open, it stays so.
    pub(crate) is_there: Arc<AtomicBool>,
    _directory: TempDir,
}

impl Pair {
    pub(crate) fn new(is_there: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| directory.path().join(name);
        let open = |path: &Path| SqliteStore::open(path, Upgrade::Automatic);
        let is_there = Arc::new(AtomicBool::new(is_there));
        let (second, flag) = (path("second.db"), Arc::clone(&is_there));
        let late = Shard::new(512..=1023, move || {
            let opened = if flag.load(Ordering::SeqCst) {
                open(&second).map_err(|error| error.to_string())
            } else {
                Err("nobody answers".to_owned())
            };
            Box::pin(async move { opened })
        });
        let first = Shard::opened(0..=511, open(&path("first.db")).expect("a new database"));
        let store = ShardedStore::new(vec![first, late]).expect("the slots are shared out");
        Self { store, is_there, _directory: directory }
    }
}
