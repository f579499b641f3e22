//! Opening several MariaDBs as one store.

use std::ops::RangeInclusive;

use futures_util::future::join_all;

use super::{Shard, ShardedStore};
use crate::mariadb::{MariaDbOptions, MariaDbStore, OpenError};

impl ShardedStore<MariaDbStore> {
    /// Opens databases whose slots cover every slot exactly once. One that does not answer is opened later, when it is
    /// asked for: its merchants wait, the others' need not.
    ///
    /// # Errors
    /// When none answers, or one that does cannot be used.
    ///
    /// # Panics
    /// When the slots are not shared out; the configuration has seen to that.
    pub async fn connect(databases: Vec<(RangeInclusive<u16>, MariaDbOptions)>) -> Result<Self, OpenError> {
        let opened =
            join_all(databases.iter().map(|(_, options)| MariaDbStore::connect(options.clone()))).await;
        let mut shards = Vec::new();
        let mut missing = None;
        for ((slots, options), opened) in databases.into_iter().zip(opened) {
            shards.push(match opened {
                Ok(store) => Shard::opened(slots, store),
                Err(error @ OpenError::Unreachable { .. }) => {
                    tracing::warn!(first = slots.start(), last = slots.end(), cause = %error, "merchants of these slots have to wait");
                    missing = Some(error);
                    later(slots, options)
                }
                Err(error) => return Err(error),
            });
        }
        match missing {
            Some(error) if shards.iter().all(|shard| shard.if_open().is_none()) => Err(error),
            _ => Ok(Self::new(shards).expect("the configuration has shared out every slot")),
        }
    }

    /// Says goodbye on every connection that is not in use; for an orderly end.
    pub async fn close(&self) {
        for store in self.shards.iter().filter_map(Shard::if_open) {
            store.close().await;
        }
    }
}

fn later(slots: RangeInclusive<u16>, options: MariaDbOptions) -> Shard<MariaDbStore> {
    Shard::new(slots, move || {
        let options = options.clone();
        Box::pin(async move { MariaDbStore::connect(options).await.map_err(|error| error.to_string()) })
    })
}
