//! The ports: all that actors know of the world.
//!
//! Owns the traits and the values that cross them. Adapters implement them in the engine (MariaDB, SQLite, the
//! event log, the PG over HTTP), simulated twins in the simulation; the same contract tests run on both. Never
//! contains an implementation that touches the world.

pub mod admission;
pub mod api_key_store;
pub mod clock;
pub mod databases;
pub mod event_log;
pub mod gateway;
pub mod journal_store;
pub mod ledger_store;
pub mod meter;
pub mod operator_store;
pub mod outbox_store;
pub mod payment_store;
pub mod random;

use std::sync::Arc;

use admission::AdmissionCache;
use api_key_store::ApiKeyStore;
use clock::WallClock;
use event_log::EventLog;
use gateway::PaymentGateway;
use journal_store::JournalStore;
use ledger_store::LedgerStore;
use meter::Meter;
use operator_store::OperatorStore;
use outbox_store::OutboxStore;
use payment_store::PaymentStore;
use random::Random;

/// Everything the store does; one adapter implements all parts.
pub trait Store:
    JournalStore + PaymentStore + OutboxStore + LedgerStore + OperatorStore + ApiKeyStore
{
}

impl<S: JournalStore + PaymentStore + OutboxStore + LedgerStore + OperatorStore + ApiKeyStore> Store for S {}

/// One world for a whole engine: real, embedded or simulated.
#[derive(Clone)]
pub struct Ports {
    /// Where payments are kept.
    pub store: Arc<dyn Store>,
    /// Where events are published.
    pub event_log: Arc<dyn EventLog>,
    /// Rate limits and the fast path of idempotency.
    pub admission: Arc<dyn AdmissionCache>,
    /// The payment gateway.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Wall-clock time.
    pub clock: Arc<dyn WallClock>,
    /// Randomness from a seed.
    pub random: Arc<dyn Random>,
    /// Where measurements go.
    pub meter: Arc<dyn Meter>,
}

/// Why the store did not answer as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was done; the same call may be made again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The commit was sent and its answer was lost; it must be looked up before anything is done again.
    #[error("the store did not say whether it committed: {0}")]
    OutcomeUnknown(String),
    /// What was read cannot be understood; a defect or a foreign hand.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
}
