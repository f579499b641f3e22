//! The cache and limiter's twin: forgets, but never invents.
//!
//! Owns the check that only committed answers are remembered. Losses come from the seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use payment_schema::ids::MerchantId;
use payment_schema::invariant::Invariant;
use payment_schema::text::IdempotencyKey;
use tokio::time::sleep;

use super::dice::{Dice, Purpose};
use super::environment::Environment;
use super::faults::Fault;
use super::store::SimStore;
use crate::ports::admission::{Admission, AdmissionCache, AdmissionStats, CachedAnswer, LimitedOperation};

/// A cache in memory.
#[derive(Debug)]
pub struct SimAdmission {
    environment: Arc<Environment>,
    store: Arc<SimStore>,
    dice: Mutex<Dice>,
    remembered: Mutex<BTreeMap<(MerchantId, IdempotencyKey), CachedAnswer>>,
}

impl SimAdmission {
    /// An empty cache in front of a store.
    #[must_use]
    pub fn new(environment: Arc<Environment>, store: Arc<SimStore>) -> Self {
        let dice = Mutex::new(environment.dice(Purpose::Admission));
        Self { environment, store, dice, remembered: Mutex::default() }
    }

    /// Loses everything.
    pub fn flush(&self) {
        self.environment.count(Fault::CacheFlush);
        self.remembered.lock().clear();
    }

    fn check_committed(&self, merchant_id: &MerchantId, key: &IdempotencyKey, cached: &CachedAnswer) {
        let place = (merchant_id.clone(), key.clone());
        let committed = self.store.inspect(|tables| {
            tables.keys.get(&place).is_some_and(|record| {
                record.answer.as_ref() == Some(&cached.answer)
                    && record.payment_id == cached.payment_id
                    && record.fingerprint == cached.fingerprint
            })
        });
        if !committed {
            let what = format!("an answer was remembered for key {key} that is not the committed one");
            self.environment.violation(Invariant::I9, Some(cached.payment_id), what);
        }
    }
}

#[async_trait]
impl AdmissionCache for SimAdmission {
    async fn admit(
        &self,
        merchant_id: &MerchantId,
        _operation: LimitedOperation,
        key: Option<&IdempotencyKey>,
    ) -> Admission {
        let (delay, limited, missed) = {
            let mut dice = self.dice.lock();
            let delay = dice.millis(0, 1);
            let limited = self.environment.strikes(&mut dice, Fault::RateLimited);
            (delay, limited, dice.bits())
        };
        sleep(delay).await;
        if limited {
            return Admission::Limited { retry_after: Duration::from_millis(500) };
        }
        let cached =
            key.and_then(|key| self.remembered.lock().get(&(merchant_id.clone(), key.clone())).cloned());
        let forgets = missed % 10 == 0 && cached.is_some() && !self.environment.is_calm();
        if forgets {
            self.environment.count(Fault::CacheMiss);
        }
        Admission::Admitted(cached.filter(|_| !forgets))
    }

    async fn remember(&self, merchant_id: &MerchantId, key: &IdempotencyKey, answer: CachedAnswer) {
        self.check_committed(merchant_id, key, &answer);
        let (delay, lost) = {
            let mut dice = self.dice.lock();
            (dice.millis(0, 1), self.environment.strikes(&mut dice, Fault::CacheLoss))
        };
        sleep(delay).await;
        if !lost {
            self.remembered.lock().insert((merchant_id.clone(), key.clone()), answer);
        }
    }

    async fn maintain(&self) -> AdmissionStats {
        AdmissionStats { answers: self.remembered.lock().len(), ..AdmissionStats::default() }
    }
}
