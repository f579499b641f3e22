//! Rate limits and the fast path of idempotency, in one round trip.
//!
//! Only a cache: the truth about keys is the store's, and what is remembered here was committed before.

use std::time::Duration;

use async_trait::async_trait;
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;

/// What is limited per merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitedOperation {
    /// Authorizations.
    Authorize,
    /// Captures.
    Capture,
    /// Refunds and cancels.
    Refund,
}

impl LimitedOperation {
    /// The name in metrics and views.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Refund => "refund",
        }
    }
}

/// A stored answer, remembered for repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedAnswer {
    /// The fingerprint of the command that took the key.
    pub fingerprint: Fingerprint,
    /// The payment.
    pub payment_id: PaymentId,
    /// The answer.
    pub answer: Answer,
}

/// Whether a request may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may; its key's answer, when one is remembered.
    Admitted(Option<CachedAnswer>),
    /// The merchant has used up its share; try again after this long.
    Limited {
        /// How long until the next request is admitted.
        retry_after: Duration,
    },
}

/// Admits requests. Never fails: without its backing it decides by itself.
#[async_trait]
pub trait AdmissionCache: Send + Sync {
    /// Takes a token from the merchant's bucket for this operation (capacity and refill: the configured number per
    /// minute), and looks the key up.
    async fn admit(
        &self,
        merchant_id: &MerchantId,
        operation: LimitedOperation,
        key: Option<&IdempotencyKey>,
    ) -> Admission;

    /// Remembers an answer that was committed.
    async fn remember(&self, merchant_id: &MerchantId, key: &IdempotencyKey, answer: CachedAnswer);

    /// Forgets what has expired. Called now and then by the limiter actor.
    async fn maintain(&self) -> AdmissionStats;
}

/// How much the cache holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AdmissionStats {
    /// Merchants' buckets that are not full.
    pub buckets: usize,
    /// Remembered answers.
    pub answers: usize,
    /// Whether it decides without its backing at the moment.
    pub fallback: bool,
}
