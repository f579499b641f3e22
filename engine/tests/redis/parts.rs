//! A cache with keys of its own on the server that the environment names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use payment_actors::contract_tests::PATIENCE;
use payment_actors::limiter::AdmissionLimits;
use payment_actors::ports::admission::{Admission, AdmissionCache, CachedAnswer, LimitedOperation};
use payment_engine::redis::{RedisAdmission, RedisSettings};
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;
use tokio::time::Instant;
use uuid::Uuid;

/// `host:port` of the server.
pub(crate) fn server() -> String {
    let host = std::env::var("REDIS_HOST").expect("REDIS_HOST names the server");
    let port = std::env::var("REDIS_PORT").unwrap_or_else(|_| "6379".to_owned());
    format!("{host}:{port}")
}

/// Settings for this address with keys that nobody else has. Patient, because test machines are busy; tests of
/// impatience say so.
pub(crate) fn settings(address: &str) -> RedisSettings {
    let url = format!("redis://{address}").parse().expect("a url");
    RedisSettings {
        key_prefix: format!("test-{}:", Uuid::now_v7()),
        patience: Duration::from_secs(2),
        ..RedisSettings::new(url)
    }
}

/// So few that no test refills a bucket by being slow.
pub(crate) const LIMITS: AdmissionLimits =
    AdmissionLimits { authorize: 5, capture: 3, refund: 2, answers_ttl: Duration::from_secs(60) };

/// A node: its cache, and how often it decided without Redis.
pub(crate) struct Node {
    pub(crate) cache: RedisAdmission,
    pub(crate) alone: Arc<AtomicU64>,
}

impl Node {
    pub(crate) async fn start(settings: &RedisSettings, limits: AdmissionLimits) -> Self {
        let alone = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&alone);
        let count = move || {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let cache = RedisAdmission::connect(settings, limits, count).await.expect("the settings are right");
        Self { cache, alone }
    }

    pub(crate) fn decided_alone(&self) -> u64 {
        self.alone.load(Ordering::Relaxed)
    }

    /// How many of these requests are admitted.
    pub(crate) async fn admitted(&self, merchant: &MerchantId, requests: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..requests {
            let admission = self.cache.admit(merchant, LimitedOperation::Authorize, None).await;
            admitted += usize::from(matches!(admission, Admission::Admitted(_)));
        }
        admitted
    }

    /// What is remembered for the key.
    pub(crate) async fn known(&self, merchant: &MerchantId, key: &str) -> Option<CachedAnswer> {
        let key = IdempotencyKey::parse(key).expect("a key");
        match self.cache.admit(merchant, LimitedOperation::Authorize, Some(&key)).await {
            Admission::Admitted(known) => known,
            Admission::Limited { .. } => panic!("the test has tokens left"),
        }
    }

    pub(crate) async fn remember(&self, merchant: &MerchantId, key: &str, answer: &CachedAnswer) {
        let key = IdempotencyKey::parse(key).expect("a key");
        self.cache.remember(merchant, &key, answer.clone()).await;
    }

    /// Waits until it decides with Redis, or without it.
    pub(crate) async fn until_fallback_is(&self, expected: bool) {
        let until = Instant::now() + PATIENCE;
        while self.cache.maintain().await.fallback != expected {
            assert!(Instant::now() < until, "fallback becomes {expected}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

pub(crate) fn merchant(id: &str) -> MerchantId {
    MerchantId::parse(id).expect("an id")
}

pub(crate) fn answer(body: &str) -> CachedAnswer {
    CachedAnswer {
        fingerprint: Fingerprint([9; 32]),
        payment_id: PaymentId::try_from(1_024_u64).expect("an id"),
        answer: Answer { status: 200, body: body.as_bytes().to_vec() },
    }
}
