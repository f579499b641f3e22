//! API keys.

use std::collections::BTreeMap;

use async_trait::async_trait;
use payment_schema::api_key::{ApiKey, KeyId};
use payment_schema::time::Timestamp;

use super::{Need, SimStore};
use crate::ports::StoreError;
use crate::ports::api_key_store::ApiKeyStore;

#[async_trait]
impl ApiKeyStore for SimStore {
    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(Need::One(0), "put api key", move |tables| tables.api_keys.put(key)).await
    }

    async fn revoke_api_key(&self, id: &KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        let id = id.clone();
        self.write(Need::One(0), "revoke api key", move |tables| tables.api_keys.revoke(&id, at)).await
    }

    async fn api_keys(&self, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(Need::One(0), "api keys", |tables| tables.api_keys.behind(after).take(most).collect()).await
    }
}

/// The rows of `api_key`, by their last change.
#[derive(Debug, Default)]
pub struct ApiKeyRows {
    by_change: BTreeMap<u64, ApiKey>,
    last_change: u64,
}

impl ApiKeyRows {
    fn put(&mut self, key: ApiKey) {
        if self.by_change.values().all(|known| known.digest != key.digest) {
            self.last_change += 1;
            self.by_change.insert(self.last_change, key);
        }
    }

    fn revoke(&mut self, id: &KeyId, at: Timestamp) -> Option<ApiKey> {
        let (change, key) = self.by_change.iter().find(|(_, key)| key.id() == *id)?;
        let (change, mut key) = (*change, key.clone());
        if key.revoked_at.is_none() {
            key.revoked_at = Some(at);
            self.by_change.remove(&change);
            self.last_change += 1;
            self.by_change.insert(self.last_change, key.clone());
        }
        Some(key)
    }

    fn behind(&self, after: u64) -> impl Iterator<Item = (u64, ApiKey)> {
        self.by_change.range(after + 1..).map(|(change, key)| (*change, key.clone()))
    }
}
