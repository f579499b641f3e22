//! Keeps the ring of live keys as the store has them.
//!
//! Requests are judged by the ring alone; the store is asked once a second for what changed, which is nearly always
//! nothing. While it does not answer, the keys that are known go on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use payment_actors::ports::{Ports, Store, StoreError};
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
    store: Arc<dyn Store>,
    /// The last change that the ring knows of.
    seen: u64,
}

impl KeyKeeper {
    /// A keeper whose ring knows the keys of the configured files. A key that was revoked in the store is refused
    /// although it stands in a file, so the files come first.
    pub(crate) fn new(config: &Config, ports: &Ports) -> Result<Self, KeysFileError> {
        let ring = Arc::<KeyRing>::default();
        ring.learn(file::read(config, Timestamp::from(ports.clock.now()))?);
        Ok(Self { ring, store: Arc::clone(&ports.store), seen: 0 })
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

    /// Does so until the handle is aborted. Should it ever stop by itself, revoked keys would go on, so not even a
    /// panic ends it.
    pub(crate) fn keep_up(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut failing = false;
            loop {
                tokio::time::sleep(EVERY).await;
                let caught_up = AssertUnwindSafe(self.catch_up()).catch_unwind().await;
                let cause = match caught_up {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("the store's own code failed".to_owned()),
                };
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
