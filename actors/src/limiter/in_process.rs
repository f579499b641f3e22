//! The admission cache inside the process: token buckets and remembered answers.
//!
//! Follows tokio's clock, so that the simulation controls it. Bounded: answers beyond the cap are forgotten, oldest
//! first, and full buckets need no memory.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use payment_schema::ids::MerchantId;
use payment_schema::text::IdempotencyKey;
use tokio::time::Instant;

use crate::ports::admission::{Admission, AdmissionCache, AdmissionStats, CachedAnswer, LimitedOperation};

/// Requests per minute and merchant; the capacity of a bucket is the minute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Authorizations.
    pub authorize: u32,
    /// Captures.
    pub capture: u32,
    /// Refunds and cancels.
    pub refund: u32,
    /// How long answers are remembered.
    pub answers_ttl: Duration,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self { authorize: 1_000, capture: 1_000, refund: 500, answers_ttl: Duration::from_secs(600) }
    }
}

impl AdmissionLimits {
    fn per_minute(&self, operation: LimitedOperation) -> u32 {
        match operation {
            LimitedOperation::Authorize => self.authorize,
            LimitedOperation::Capture => self.capture,
            LimitedOperation::Refund => self.refund,
        }
    }
}

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

type KeyOfMerchant = (MerchantId, IdempotencyKey);

#[derive(Default)]
struct Answers {
    by_key: BTreeMap<KeyOfMerchant, (Instant, CachedAnswer)>,
    in_order: VecDeque<(Instant, KeyOfMerchant)>,
}

/// More answers than this are not remembered; the store has them.
const MOST_ANSWERS: usize = 50_000;

/// Token buckets and remembered answers of one process.
pub struct InProcessAdmission {
    limits: AdmissionLimits,
    buckets: Mutex<BTreeMap<(MerchantId, LimitedOperation), Bucket>>,
    answers: Mutex<Answers>,
}

impl InProcessAdmission {
    /// Full buckets, nothing remembered.
    #[must_use]
    pub fn new(limits: AdmissionLimits) -> Self {
        Self { limits, buckets: Mutex::default(), answers: Mutex::default() }
    }

    /// Takes a token; says how long until there is one otherwise.
    fn take(&self, merchant_id: &MerchantId, operation: LimitedOperation) -> Result<(), Duration> {
        let capacity = f64::from(self.limits.per_minute(operation).max(1));
        let per_second = capacity / 60.0;
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        let bucket = buckets
            .entry((merchant_id.clone(), operation))
            .or_insert_with(|| Bucket { tokens: capacity, filled_at: now });
        let gained = now.duration_since(bucket.filled_at).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + gained).min(capacity);
        bucket.filled_at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / per_second))
    }
}

#[async_trait]
impl AdmissionCache for InProcessAdmission {
    async fn admit(
        &self,
        merchant_id: &MerchantId,
        operation: LimitedOperation,
        key: Option<&IdempotencyKey>,
    ) -> Admission {
        if let Err(retry_after) = self.take(merchant_id, operation) {
            return Admission::Limited { retry_after };
        }
        let Some(key) = key else { return Admission::Admitted(None) };
        let answers = self.answers.lock();
        let known = answers.by_key.get(&(merchant_id.clone(), key.clone()));
        let fresh = known.filter(|(since, _)| since.elapsed() < self.limits.answers_ttl);
        Admission::Admitted(fresh.map(|(_, answer)| answer.clone()))
    }

    async fn remember(&self, merchant_id: &MerchantId, key: &IdempotencyKey, answer: CachedAnswer) {
        let now = Instant::now();
        let key = (merchant_id.clone(), key.clone());
        let mut answers = self.answers.lock();
        answers.in_order.push_back((now, key.clone()));
        answers.by_key.insert(key, (now, answer));
        while answers.by_key.len() > MOST_ANSWERS
            && let Some((_, oldest)) = answers.in_order.pop_front()
        {
            answers.by_key.remove(&oldest);
        }
    }

    async fn maintain(&self) -> AdmissionStats {
        let ttl = self.limits.answers_ttl;
        let mut answers = self.answers.lock();
        while answers.in_order.front().is_some_and(|(since, _)| since.elapsed() >= ttl) {
            let expired = answers.in_order.pop_front();
            if let Some((since, key)) = expired
                && answers.by_key.get(&key).is_some_and(|(newest, _)| *newest == since)
            {
                answers.by_key.remove(&key);
            }
        }
        let mut buckets = self.buckets.lock();
        // A bucket untouched for a minute is full again, which is what a missing one is.
        buckets.retain(|_, bucket| bucket.filled_at.elapsed() < Duration::from_secs(60));
        AdmissionStats { buckets: buckets.len(), answers: answers.by_key.len(), fallback: false }
    }
}
