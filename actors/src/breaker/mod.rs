//! Circuit breakers: one per dependency.
//!
//! Owns when calls to a dependency are refused. The state lives in a [`Gate`] that callers ask without sending a
//! message; the breaker's actor owns what happens by itself: the move from OPEN to HALF_OPEN, and operators'
//! commands. Semantics follow Resilience4j (<https://resilience4j.readme.io/docs/circuitbreaker>). Never calls the
//! dependency itself.

mod actor;
mod changes;
mod gate;
mod state;
mod window;

pub use actor::{Breaker, BreakerMessage, Breakers, BreakersMessage};
pub use gate::{Gate, Permit};
pub use state::BreakerState;

use std::sync::Arc;
use std::time::Duration;

use payment_schema::operation::OperationKind;

/// How a breaker judges.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerSettings {
    /// How many of the latest calls are judged.
    pub window: usize,
    /// Opens at this share of failures, in percent.
    pub failure_rate: f64,
    /// Opens at this share of slow calls, in percent.
    pub slow_call_rate: f64,
    /// A call that takes longer is slow; `None` leaves it to the caller to judge slowness as failure.
    pub slow_call: Option<Duration>,
    /// Fewer calls are not judged.
    pub minimum_calls: u32,
    /// How long it stays open before probes are permitted.
    pub open: Duration,
    /// How many probes decide in HALF_OPEN.
    pub probes: u32,
}

impl BreakerSettings {
    /// The defaults of `kafka-publisher`.
    #[must_use]
    pub fn event_log() -> Self {
        Self {
            window: 50,
            failure_rate: 50.0,
            slow_call_rate: 50.0,
            slow_call: Some(Duration::from_secs(2)),
            minimum_calls: 5,
            open: Duration::from_secs(30),
            probes: 3,
        }
    }

    /// The defaults of the PG breakers. Slow calls count as failures there (over 80 % of the operation's time limit).
    #[must_use]
    pub fn pg() -> Self {
        Self {
            window: 100,
            failure_rate: 50.0,
            slow_call_rate: 100.0,
            slow_call: None,
            minimum_calls: 10,
            open: Duration::from_secs(15),
            probes: 5,
        }
    }
}

/// How each breaker judges.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakersSettings {
    /// `kafka-publisher`: the event log.
    pub event_log: BreakerSettings,
    /// `pg-authorize`.
    pub pg_authorize: BreakerSettings,
    /// `pg-capture`.
    pub pg_capture: BreakerSettings,
    /// `pg-refund`.
    pub pg_refund: BreakerSettings,
    /// `pg-void`.
    pub pg_void: BreakerSettings,
}

impl Default for BreakersSettings {
    fn default() -> Self {
        Self {
            event_log: BreakerSettings::event_log(),
            pg_authorize: BreakerSettings::pg(),
            pg_capture: BreakerSettings::pg(),
            pg_refund: BreakerSettings::pg(),
            pg_void: BreakerSettings::pg(),
        }
    }
}

/// The gates of every dependency.
#[derive(Clone)]
pub struct Gates {
    /// In front of the event log.
    pub event_log: Arc<Gate>,
    /// In front of the PG's authorizations.
    pub pg_authorize: Arc<Gate>,
    /// In front of the PG's captures.
    pub pg_capture: Arc<Gate>,
    /// In front of the PG's refunds.
    pub pg_refund: Arc<Gate>,
    /// In front of the PG's voids.
    pub pg_void: Arc<Gate>,
}

impl Gates {
    /// Closed gates.
    #[must_use]
    pub fn new(settings: &BreakersSettings) -> Self {
        let gate = |name, settings: &BreakerSettings| Arc::new(Gate::new(name, settings.clone()));
        Self {
            event_log: gate("kafka-publisher", &settings.event_log),
            pg_authorize: gate("pg-authorize", &settings.pg_authorize),
            pg_capture: gate("pg-capture", &settings.pg_capture),
            pg_refund: gate("pg-refund", &settings.pg_refund),
            pg_void: gate("pg-void", &settings.pg_void),
        }
    }

    /// The gate of a PG operation.
    #[must_use]
    pub fn pg(&self, kind: OperationKind) -> &Arc<Gate> {
        match kind {
            OperationKind::Authorize => &self.pg_authorize,
            OperationKind::Capture => &self.pg_capture,
            OperationKind::Void => &self.pg_void,
            OperationKind::Refund => &self.pg_refund,
        }
    }

    /// Every gate, in the order operators see them.
    #[must_use]
    pub fn all(&self) -> [&Arc<Gate>; 5] {
        [&self.event_log, &self.pg_authorize, &self.pg_capture, &self.pg_refund, &self.pg_void]
    }
}
