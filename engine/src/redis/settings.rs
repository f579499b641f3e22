//! How to reach Redis.

use std::time::Duration;

use deadpool_redis::{Manager, Pool, Runtime, Timeouts};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsCertificates,
};
use reqwest::Url;

/// How long a new connection may take, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How to reach Redis, and what it is called there. Not `Debug`: the URL may hold a password.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS.
    pub url: Url,
    /// Stands before every key, so that engines can share a Redis.
    pub key_prefix: String,
    /// How long a request may wait for Redis; longer, and Redis counts as away.
    pub patience: Duration,
    /// PEM of the authorities to trust for `rediss://`; the system's without it.
    pub authorities: Option<Vec<u8>>,
}

impl RedisSettings {
    /// Redis at this URL, with 50 ms of patience, no prefix and the system's authorities.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self { url, key_prefix: String::new(), patience: Duration::from_millis(50), authorities: None }
    }

    /// A pool for the one connection that all requests share. The pool checks a connection before it is used
    /// again, and replaces it when it is broken.
    pub(super) fn pool(&self) -> Result<Pool, RedisSetupError> {
        if self.key_prefix.contains(['{', '}']) {
            return Err(RedisSetupError::Prefix(self.key_prefix.clone()));
        }
        let refused = |error: redis::RedisError| RedisSetupError::Refused(error.to_string());
        let info = self.connection_info().map_err(refused)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(self.patience));
        let manager = Manager::new_with_config(info, config).map_err(refused)?;
        let limits = Timeouts {
            wait: Some(CONNECT_WITHIN),
            create: Some(CONNECT_WITHIN),
            recycle: Some(self.patience),
        };
        Pool::builder(manager)
            .max_size(1)
            .timeouts(limits)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| RedisSetupError::Refused(error.to_string()))
    }

    fn connection_info(&self) -> RedisResult<ConnectionInfo> {
        let info = self.url.as_str().into_connection_info()?;
        if self.url.scheme() != "rediss" {
            return Ok(info);
        }
        crate::tls::choose_ring();
        match &self.authorities {
            None => Ok(info),
            Some(pem) => {
                let trusted = TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) };
                Ok(Client::build_with_tls(info, trusted)?.get_connection_info().clone())
            }
        }
    }
}

/// Why there can be no client, whether Redis is there or not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisSetupError {
    /// Braces decide where a cluster keeps a key.
    #[error(
        "the cache's key prefix {0:?} holds a brace, and braces are for the merchant; choose one without"
    )]
    Prefix(String),
    /// The address or its certificates cannot be used.
    #[error(
        "the address of redis cannot be used: {0}; it must look like redis://host:port or rediss://host:port"
    )]
    Refused(String),
}
