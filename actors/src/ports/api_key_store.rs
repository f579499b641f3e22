//! Where API keys are kept, and how engines learn of new and of revoked ones.

use async_trait::async_trait;
use payment_schema::api_key::{ApiKey, KeyId};
use payment_schema::time::Timestamp;

use super::StoreError;

/// Keeps API keys. No row ever goes away: a revoked key is refused by its record.
#[async_trait]
pub trait ApiKeyStore: Send + Sync {
    /// Keeps a new key; one whose digest is there is left as it is.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError>;

    /// Revokes a key and says what it is then; `None` when there is none. One that was revoked before keeps its
    /// moment.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn revoke_api_key(&self, id: &KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError>;

    /// Keys that changed behind a change, by their last change and with its number. Numbers begin at 1 and rise in
    /// the order of commits: whoever has seen one has missed none before it.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn api_keys(&self, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, StoreError>;
}
