//! Collects what was examined and what was found wrong.

use std::collections::BTreeMap;

use payment_schema::invariant::Invariant;
use payment_schema::time::Timestamp;

use super::FRESH;
use super::report::{InvariantReport, Report, Violation};

/// Listed per invariant; beyond it violations are only counted.
const LISTED: usize = 100;

/// Invariants that can be decided from the sources at hand.
const DECIDED: [Invariant; 8] = [
    Invariant::I1,
    Invariant::I2,
    Invariant::I3,
    Invariant::I5,
    Invariant::I6,
    Invariant::I7,
    Invariant::I8,
    Invariant::I10,
];

#[derive(Default)]
struct Count {
    checked: u64,
    broken: u64,
    listed: Vec<Violation>,
}

/// Verdicts in the making.
pub(super) struct Verdicts {
    now: Timestamp,
    counts: BTreeMap<Invariant, Count>,
    in_flight: u64,
    payments: u64,
    unseen: Vec<String>,
}

impl Verdicts {
    pub(super) fn new(now: Timestamp) -> Self {
        let decided = DECIDED.into_iter().chain([Invariant::I11]);
        Self {
            now,
            counts: decided.map(|invariant| (invariant, Count::default())).collect(),
            in_flight: 0,
            payments: 0,
            unseen: Vec::new(),
        }
    }

    /// Whether something that happened then may still be unfinished.
    pub(super) fn is_fresh(&self, at: Timestamp) -> bool {
        self.now.since(at) <= FRESH
    }

    pub(super) fn saw_a_payment(&mut self) {
        self.payments += 1;
    }

    /// Something unfinished that is young enough.
    pub(super) fn saw_in_flight(&mut self) {
        self.in_flight += 1;
    }

    /// Something was examined under an invariant.
    pub(super) fn examined(&mut self, invariant: Invariant) {
        self.counts.entry(invariant).or_default().checked += 1;
    }

    /// Something breaks an invariant.
    pub(super) fn broken(
        &mut self,
        invariant: Invariant,
        payment: impl Into<Option<u64>>,
        detail: impl Into<String>,
    ) {
        let count = self.counts.entry(invariant).or_default();
        count.broken += 1;
        if count.listed.len() < LISTED {
            count.listed.push(Violation { payment_id: payment.into(), detail: detail.into() });
        }
    }

    /// Requires something; says whether it holds.
    pub(super) fn require(
        &mut self,
        invariant: Invariant,
        payment: u64,
        holds: bool,
        detail: impl FnOnce() -> String,
    ) -> bool {
        if !holds {
            self.broken(invariant, payment, detail());
        }
        holds
    }

    /// A source was out of sight, and with it what only it can tell.
    pub(super) fn cannot_decide(&mut self, invariants: &[Invariant], why: &str) {
        let ids: Vec<&str> = invariants.iter().map(|invariant| invariant.id()).collect();
        self.unseen.push(format!("{}: {why}", ids.join(" and ")));
        self.counts.retain(|invariant, _| !invariants.contains(invariant));
    }

    pub(super) fn into_report(mut self) -> Report {
        let one = |invariant: Invariant| {
            let count = self.counts.remove(&invariant);
            InvariantReport {
                id: invariant.id(),
                sentence: invariant.sentence(),
                holds: count.as_ref().map(|count| count.broken == 0),
                checked: count.as_ref().map_or(0, |count| count.checked),
                violations_total: count.as_ref().map_or(0, |count| count.broken),
                violations: count.map_or_else(Vec::new, |count| count.listed),
            }
        };
        Report {
            invariants: Invariant::ALL.into_iter().map(one).collect(),
            in_flight: self.in_flight,
            vacuous: self.payments == 0,
            payments: self.payments,
            unseen: (!self.unseen.is_empty()).then(|| self.unseen.join("; ")),
        }
    }
}
