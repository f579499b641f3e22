//! The result of a check.

use serde::Serialize;

/// What was found about every invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One per invariant, in their order.
    pub invariants: Vec<InvariantReport>,
    /// Open operations and unpublished events that are young enough to be unfinished.
    pub in_flight: u64,
    /// There was no payment, so nothing was shown.
    pub vacuous: bool,
    /// Payments seen.
    pub payments: u64,
    /// What could not be decided because a source could not be seen, and why.
    pub unseen: Option<String>,
}

/// What was found about one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvariantReport {
    /// `I1` … `I14`.
    pub id: &'static str,
    /// The invariant in words.
    pub sentence: &'static str,
    /// Whether it holds; null when that cannot be seen from here.
    pub holds: Option<bool>,
    /// How many things were examined.
    pub checked: u64,
    /// How many of them break it.
    pub violations_total: u64,
    /// The first hundred of those.
    pub violations: Vec<Violation>,
}

/// One thing that breaks an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// The payment; null for a record that names none.
    pub payment_id: Option<u64>,
    /// What is wrong with it.
    pub detail: String,
}

impl Report {
    /// Whether nothing that was decided is broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.invariants.iter().all(|invariant| invariant.holds != Some(false))
    }

    /// The ids of broken invariants.
    #[must_use]
    pub fn broken(&self) -> Vec<&'static str> {
        let broken = self.invariants.iter().filter(|invariant| invariant.holds == Some(false));
        broken.map(|invariant| invariant.id).collect()
    }
}
