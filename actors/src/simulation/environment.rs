//! What all twins of one run share: time, luck, the trace, and a place to report what must not be.
//!
//! Owns the switch between the stormy part of a run and the calm one. Never decides what a fault does.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use payment_schema::ids::PaymentId;
use payment_schema::invariant::Invariant;
use tokio::time::Instant;

use super::dice::{Dice, Purpose, Seed};
use super::faults::{Fault, FaultCounts, FaultPlan};
use super::trace::Trace;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which invariant is broken.
    pub invariant: Invariant,
    /// The payment, where it concerns one.
    pub payment_id: Option<PaymentId>,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.invariant.id())?;
        if let Some(id) = self.payment_id {
            write!(f, " payment {id}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A part of the world that can be out of reach for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The store.
    Store,
    /// The last database of a store that has several.
    LastDatabase,
    /// The event log.
    EventLog,
    /// The PG.
    Gateway,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Store, Self::LastDatabase, Self::EventLog, Self::Gateway];

    /// The fault that its absence counts as.
    #[must_use]
    pub const fn outage(self) -> Fault {
        match self {
            Self::Store => Fault::StoreOutage,
            Self::LastDatabase => Fault::DatabaseOutage,
            Self::EventLog => Fault::LogOutage,
            Self::Gateway => Fault::PgOutage,
        }
    }
}

/// The shared surroundings of one run.
#[derive(Debug)]
pub struct Environment {
    seed: Seed,
    started: Instant,
    plan: FaultPlan,
    calm: AtomicBool,
    outages: Mutex<BTreeSet<Part>>,
    trace: Mutex<Trace>,
    counts: Mutex<FaultCounts>,
    violations: Mutex<BTreeSet<Violation>>,
}

impl Environment {
    /// The surroundings of a run, stormy as `plan` says. Call it inside the run's runtime: virtual time begins
    /// here. `keep_trace` remembers the trace's lines.
    #[must_use]
    pub fn new(seed: Seed, plan: FaultPlan, keep_trace: bool) -> Self {
        Self {
            seed,
            started: Instant::now(),
            plan,
            calm: AtomicBool::new(false),
            outages: Mutex::default(),
            trace: Mutex::new(Trace::new(keep_trace)),
            counts: Mutex::default(),
            violations: Mutex::default(),
        }
    }

    /// The run's seed.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Draws for a purpose.
    #[must_use]
    pub fn dice(&self, purpose: Purpose) -> Dice {
        Dice::new(self.seed, purpose)
    }

    /// Virtual time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Adds a line to the trace.
    pub fn note(&self, what: fmt::Arguments<'_>) {
        let at = u64::try_from(self.elapsed().as_millis()).expect("a run is short");
        self.trace.lock().line(at, what);
    }

    /// The hash of the trace so far.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.trace.lock().hash()
    }

    /// The lines of the trace so far; none unless they are kept.
    #[must_use]
    pub fn take_trace_lines(&self) -> Vec<String> {
        self.trace.lock().take_lines()
    }

    /// Whether this fault happens now; counts it if so. Nothing happens once the run is calm.
    pub fn strikes(&self, dice: &mut Dice, fault: Fault) -> bool {
        let drawn = dice.chance(self.plan.probability(fault));
        let happens = drawn && !self.is_calm();
        if happens {
            self.count(fault);
        }
        happens
    }

    /// The first of these faults that happens now. Draws for each, so that their odds do not disturb each other.
    pub fn first_to_strike(&self, dice: &mut Dice, faults: &[Fault]) -> Option<Fault> {
        let mut first = None;
        for fault in faults {
            let drawn = dice.chance(self.plan.probability(*fault));
            if drawn && first.is_none() && !self.is_calm() {
                first = Some(*fault);
            }
        }
        if let Some(fault) = first {
            self.count(fault);
        }
        first
    }

    /// Counts a fault that happens.
    pub fn count(&self, fault: Fault) {
        self.counts.lock().hit(fault);
        self.note(format_args!("fault {}", fault.as_str()));
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> FaultCounts {
        self.counts.lock().clone()
    }

    /// Whether a part is out of reach now.
    #[must_use]
    pub fn is_out(&self, part: Part) -> bool {
        self.outages.lock().contains(&part)
    }

    /// Takes a part out of reach, or brings it back.
    pub fn set_out(&self, part: Part, out: bool) {
        let changed = if out { self.outages.lock().insert(part) } else { self.outages.lock().remove(&part) };
        if out && changed {
            self.count(part.outage());
        }
    }

    /// Whether faults have ended.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Ends all faults.
    pub fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
        self.outages.lock().clear();
        self.note(format_args!("calm"));
    }

    /// Reports something that must not be. The same report counts once.
    pub fn violation(&self, invariant: Invariant, payment_id: Option<PaymentId>, what: String) {
        self.note(format_args!("violation {} {what}", invariant.id()));
        self.violations.lock().insert(Violation { invariant, payment_id, what });
    }

    /// Everything reported so far, in a fixed order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.violations.lock().iter().cloned().collect()
    }
}
