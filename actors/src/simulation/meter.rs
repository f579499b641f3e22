//! Where measurements go in a simulated run: a broken invariant that the engine itself notices is a violation,
//! the latest gauges are kept for the auditor, the rest is only checked to be sane.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use payment_schema::invariant::Invariant;

use super::environment::Environment;
use crate::ports::meter::{Measure, Meter};

/// A meter that keeps what the auditor asks about.
#[derive(Debug)]
pub struct SimMeter {
    environment: Arc<Environment>,
    live: Mutex<BTreeMap<usize, usize>>,
    transitions: Mutex<u64>,
}

impl SimMeter {
    /// A meter of the run.
    #[must_use]
    pub fn new(environment: Arc<Environment>) -> Self {
        Self { environment, live: Mutex::default(), transitions: Mutex::default() }
    }

    /// How many payment actors live, by the shards' latest word.
    #[must_use]
    pub fn live_payments(&self) -> usize {
        self.live.lock().values().sum()
    }

    /// How many transitions the engine says it has committed.
    #[must_use]
    pub fn transitions(&self) -> u64 {
        *self.transitions.lock()
    }
}

impl Meter for SimMeter {
    fn record(&self, measure: Measure) {
        match measure {
            Measure::InvariantBroken(invariant) => {
                self.environment.violation(invariant, None, "the engine itself saw it broken".to_owned());
            }
            Measure::LivePayments { shard, live } => {
                self.live.lock().insert(shard, live);
            }
            Measure::Transition { from, to } => {
                *self.transitions.lock() += 1;
                if from.is_some_and(|from| from.is_terminal()) {
                    let what = format!("the engine counted a transition from terminal {from:?} to {to}");
                    self.environment.violation(Invariant::I6, None, what);
                }
            }
            Measure::Completed { .. }
            | Measure::JournalBatch { .. }
            | Measure::JournalConflict
            | Measure::OutboxBacklog { .. }
            | Measure::Published(_)
            | Measure::BreakerState { .. }
            | Measure::BreakerCall { .. }
            | Measure::PgRequest { .. }
            | Measure::DeadLetter(_)
            | Measure::LedgerEntries(_)
            | Measure::ConsumerLag { .. }
            | Measure::IdempotentReplay => {}
        }
    }
}
