//! Keeps the ring of live keys as the store has them.
//!
//! Requests are judged by the ring alone; the store is asked once a second for what changed, which is nearly always
//! nothing. While it does not answer, the keys that are known go on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use payment_actors::ports::api_key_store::ApiKeyStore;
use payment_actors::ports::{Ports, StoreError};
use payment_http::KeyRing;
use payment_schema::time::Timestamp;
use tokio::task::JoinHandle;

use super::file::{self, KeysFileError};
use crate::config::Config;

/// How long a new key may be unknown, and a revoked one go on.
const EVERY: Duration = Duration::from_secs(1);

/// Keys read at a time.
const PAGE: u32 = 1_000;

/// Reads keys and tells the ring.
pub(crate) struct KeyKeeper {
    ring: Arc<KeyRing>,
    store: Arc<dyn ApiKeyStore>,
    /// The last change that the ring knows of.
    seen: u64,
}

impl KeyKeeper {
    /// A keeper whose ring knows the keys of the configured files. A key that was revoked in the store is refused
    /// although it stands in a file, so the files come first.
    pub(crate) fn new(config: &Config, ports: &Ports) -> Result<Self, KeysFileError> {
        let ring = Arc::<KeyRing>::default();
        ring.learn(file::read(config, Timestamp::from(ports.clock.now()))?);
        Ok(Self { ring, store: Arc::clone(&ports.store) as _, seen: 0 })
    }

    /// What requests are judged by.
    pub(crate) fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// Tells the ring of every change it does not know of.
    pub(crate) async fn catch_up(&mut self) -> Result<(), StoreError> {
        loop {
            let page = self.store.api_keys(self.seen, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            self.seen = *last;
            let is_last = page.len() < PAGE as usize;
            self.ring.learn(page.into_iter().map(|(_, key)| key));
            if is_last {
                return Ok(());
            }
        }
    }

    /// The same, with the cause when it could not be done. Whatever happens, there is a next time: should the rounds
    /// ever stop, revoked keys would go on.
    async fn round(&mut self) -> Option<String> {
        match AssertUnwindSafe(self.catch_up()).catch_unwind().await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the store's own code failed".to_owned()),
        }
    }

    /// Goes on like this until the handle is aborted.
    pub(crate) fn keep_up(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut failing = false;
            loop {
                tokio::time::sleep(EVERY).await;
                let cause = self.round().await;
                match &cause {
                    Some(cause) if !failing => {
                        tracing::warn!(cause, "api keys cannot be read; those known until now go on");
                    }
                    None if failing => tracing::info!("api keys are read again"),
                    Some(_) | None => {}
                }
                failing = cause.is_some();
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use parking_lot::Mutex;
    use payment_http::Audience;
    use payment_schema::api_key::{ApiKey, KeyDigest, KeyId, KeyScope};

    use super::*;

    /// What the store does when it is asked.
    #[derive(Default, PartialEq)]
    enum Mood {
        #[default]
        Well,
        Away,
        Broken,
    }

    #[derive(Default)]
    struct FakeStore {
        keys: Mutex<Vec<ApiKey>>,
        mood: Mutex<Mood>,
    }

    #[async_trait]
    impl ApiKeyStore for FakeStore {
        async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
            self.keys.lock().push(key.clone());
            Ok(())
        }

        async fn revoke_api_key(&self, _: &KeyId, _: Timestamp) -> Result<Option<ApiKey>, StoreError> {
            Ok(None)
        }

        async fn api_keys(&self, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, StoreError> {
            match *self.mood.lock() {
                Mood::Well => {}
                Mood::Away => return Err(StoreError::Unavailable("frozen".to_owned())),
                Mood::Broken => panic!("a defect"),
            }
            let keys = self.keys.lock();
            let numbered = (1..).zip(keys.iter().cloned()).filter(|(change, _)| *change > after);
            Ok(numbered.take(limit as usize).collect())
        }
    }

    fn key(secret: &str, revoked_at: Option<Timestamp>) -> ApiKey {
        let (digest, created_at) = (KeyDigest::of(secret), Timestamp::from_micros(0));
        ApiKey { scope: KeyScope::Operator, label: None, digest, created_at, revoked_at }
    }

    fn keeper() -> (KeyKeeper, Arc<FakeStore>) {
        let store = Arc::<FakeStore>::default();
        (KeyKeeper { ring: Arc::default(), store: Arc::clone(&store) as _, seen: 0 }, store)
    }

    #[actix_rt::test]
    async fn known_keys_go_on_while_the_store_is_away() {
        let (mut keeper, store) = keeper();
        store.put_api_key(&key("one", None)).await.unwrap();
        assert_eq!(keeper.round().await, None);
        store.put_api_key(&key("one", Some(Timestamp::from_micros(1)))).await.unwrap();
        for mood in [Mood::Away, Mood::Broken] {
            *store.mood.lock() = mood;
            assert!(keeper.round().await.is_some());
            assert!(keeper.ring().has_live(Audience::Operators));
        }
        *store.mood.lock() = Mood::Well;
        assert_eq!(keeper.round().await, None);
        assert!(!keeper.ring().has_live(Audience::Operators), "what changed meanwhile is learned of");
    }

    #[actix_rt::test]
    async fn more_keys_than_a_page_are_all_read_at_once() {
        let (mut keeper, store) = keeper();
        for number in 0..2 * u64::from(PAGE) {
            store.put_api_key(&key(&number.to_string(), Some(Timestamp::from_micros(1)))).await.unwrap();
        }
        store.put_api_key(&key("last", None)).await.unwrap();
        assert_eq!(keeper.round().await, None);
        assert!(keeper.ring().has_live(Audience::Operators));
    }
}
