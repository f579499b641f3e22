//! Rate limits and the fast path of idempotency.
//!
//! Owns the in-process cache ([`InProcessAdmission`]) and the actor that keeps it small. Requests do not pass
//! through the actor: they ask the cache. Never the truth about a key; that is the store's.

mod in_process;

pub use in_process::{AdmissionLimits, InProcessAdmission};

use std::time::Duration;

use serde::Serialize;

use crate::ports::Ports;
use crate::ports::admission::AdmissionStats;
use crate::supervision::{Actor, Ctx, Failure, Message, Next};

/// Messages of the limiter.
pub enum LimiterMessage {
    /// Time to forget what has expired.
    Maintain,
    /// It was done; what is left.
    Maintained(AdmissionStats),
}

impl Message for LimiterMessage {
    fn label(&self) -> &'static str {
        match self {
            Self::Maintain => "maintain",
            Self::Maintained(_) => "maintained",
        }
    }
}

/// What operators see of the limiter.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimiterObserved {
    buckets: usize,
    remembered_answers: usize,
    fallback: bool,
}

/// Keeps the admission cache small.
pub struct Limiter {
    ports: Ports,
    observed: LimiterObserved,
}

const EVERY: Duration = Duration::from_secs(10);

impl Limiter {
    /// A limiter over the ports' cache.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports, observed: LimiterObserved::default() }
    }
}

impl Actor for Limiter {
    type Message = LimiterMessage;
    type Observed = LimiterObserved;

    async fn started(&mut self, ctx: &mut Ctx<Self>) -> Result<(), Failure> {
        ctx.after(EVERY, LimiterMessage::Maintain);
        Ok(())
    }

    async fn handle(&mut self, message: LimiterMessage, ctx: &mut Ctx<Self>) -> Result<Next, Failure> {
        match message {
            LimiterMessage::Maintain => {
                let ports = self.ports.clone();
                ctx.spawn(async move { LimiterMessage::Maintained(ports.admission.maintain().await) });
            }
            LimiterMessage::Maintained(stats) => {
                let AdmissionStats { buckets, answers, fallback } = stats;
                self.observed = LimiterObserved { buckets, remembered_answers: answers, fallback };
                ctx.after(EVERY, LimiterMessage::Maintain);
            }
        }
        Ok(Next::Continue)
    }

    fn observe(&self) -> LimiterObserved {
        self.observed.clone()
    }
}
