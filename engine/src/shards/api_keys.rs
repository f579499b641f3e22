//! [`ApiKeyStore`] on several databases: the first keeps all keys.

use async_trait::async_trait;
use payment_actors::ports::api_key_store::ApiKeyStore;
use payment_actors::ports::{Store, StoreError};
use payment_schema::api_key::{ApiKey, KeyId};
use payment_schema::time::Timestamp;

use super::{ShardedStore, asking};

#[async_trait]
impl<S: Store> ApiKeyStore for ShardedStore<S> {
    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        asking!(self.home(), |store| store.put_api_key(key))
    }

    async fn revoke_api_key(&self, id: &KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        asking!(self.home(), |store| store.revoke_api_key(id, at))
    }

    async fn api_keys(&self, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, StoreError> {
        asking!(self.home(), |store| store.api_keys(after, limit))
    }
}
