//! [`AdmissionCache`] on Redis, with the process's own as the one that stays.

use std::sync::Arc;

use async_trait::async_trait;
use payment_actors::limiter::{AdmissionLimits, InProcessAdmission};
use payment_actors::ports::admission::{
    Admission, AdmissionCache, AdmissionStats, CachedAnswer, LimitedOperation,
};
use payment_schema::ids::MerchantId;
use payment_schema::text::IdempotencyKey;
use redis::{Cmd, Value};
use tokio::time::timeout;

use super::answer::{decode, encode};
use super::keys::Keys;
use super::link::Link;
use super::script::Verdict;
use super::settings::{RedisSettings, RedisSetupError};
use super::trips::{COMPANY, Trips};
use crate::courier::Courier;

/// Limits and remembered answers in Redis, shared by all nodes.
///
/// A request needs a token of this process as well as one of Redis, so that a process admits no more than the limit
/// whatever becomes of Redis: a Redis that starts empty, is flushed or comes and goes gives nobody a second share.
pub struct RedisAdmission {
    link: Arc<Link>,
    courier: Arc<Courier<Trips>>,
    limits: AdmissionLimits,
    in_process: InProcessAdmission,
    on_fallback: Box<dyn Fn() + Send + Sync>,
}

impl RedisAdmission {
    /// Connects, or goes on without Redis until it is there. `on_fallback` is called for every request that is
    /// admitted without Redis.
    ///
    /// # Errors
    /// When the settings cannot be used, wherever Redis is.
    pub async fn connect(
        settings: &RedisSettings,
        limits: AdmissionLimits,
        on_fallback: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, RedisSetupError> {
        let link = Link::new(settings.pool()?, Keys::new(&settings.key_prefix), settings.patience);
        link.find().await;
        let in_process = InProcessAdmission::new(limits);
        let courier = Courier::new(Trips(Arc::clone(&link)), COMPANY);
        Ok(Self { link, courier, limits, in_process, on_fallback: Box::new(on_fallback) })
    }

    /// Asks Redis; nothing when it does not say in time.
    async fn ask(
        &self,
        merchant_id: &MerchantId,
        operation: LimitedOperation,
        key: Option<&IdempotencyKey>,
    ) -> Option<Verdict> {
        let bucket = self.link.keys().bucket(merchant_id, operation);
        let answer = key.map(|key| self.link.keys().answer(merchant_id, key));
        let per_minute = per_minute(&self.limits, operation);
        let call = self.link.script().call(&bucket, answer.as_deref(), per_minute);
        Verdict::read(self.run(call).await?).ok()
    }

    /// What Redis answers; nothing when it is down, goes down meanwhile, or takes longer than requests have. The trip
    /// before and the wait for company are part of that time.
    async fn run(&self, command: Cmd) -> Option<Value> {
        if !self.link.is_up() {
            self.link.look_for_it();
            return None;
        }
        timeout(self.link.patience(), self.courier.send(command)).await.ok().flatten()
    }
}

fn per_minute(limits: &AdmissionLimits, operation: LimitedOperation) -> u32 {
    let configured = match operation {
        LimitedOperation::Authorize => limits.authorize,
        LimitedOperation::Capture => limits.capture,
        LimitedOperation::Refund => limits.refund,
    };
    configured.max(1)
}

#[async_trait]
impl AdmissionCache for RedisAdmission {
    async fn admit(
        &self,
        merchant_id: &MerchantId,
        operation: LimitedOperation,
        key: Option<&IdempotencyKey>,
    ) -> Admission {
        let here = match self.in_process.admit(merchant_id, operation, key).await {
            Admission::Admitted(here) => here,
            limited @ Admission::Limited { .. } => return limited,
        };
        match self.ask(merchant_id, operation, key).await {
            Some(Verdict::Taken(answer)) => Admission::Admitted(answer.as_deref().and_then(decode).or(here)),
            Some(Verdict::Empty(retry_after)) => Admission::Limited { retry_after },
            None => {
                (self.on_fallback)();
                Admission::Admitted(here)
            }
        }
    }

    async fn remember(&self, merchant_id: &MerchantId, key: &IdempotencyKey, answer: CachedAnswer) {
        let name = self.link.keys().answer(merchant_id, key);
        let ttl = u64::try_from(self.limits.answers_ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut set = redis::cmd("SET");
        set.arg(name).arg(encode(&answer)).arg("PX").arg(ttl);
        let kept = self.run(set).await;
        if kept.is_none() {
            self.in_process.remember(merchant_id, key, answer).await;
        }
    }

    async fn maintain(&self) -> AdmissionStats {
        // Redis forgets by itself. Without requests nobody else would notice that it is back.
        self.link.look_for_it();
        AdmissionStats { fallback: !self.link.is_up(), ..self.in_process.maintain().await }
    }
}
