//! The result of a floor measurement.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Way;
use crate::load::{Latency, Percentiles};
use crate::machine::Machine;

/// How statements reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// A whole transaction with its values as one text: one round trip, and the server reads the text.
    Text,
    /// Prepared statements: a round trip for each, and nothing to read.
    Prepared,
}

impl Form {
    /// The name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Prepared => "prepared",
        }
    }
}

/// One way of writing, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) form: Form,
    /// Authorizations in a transaction.
    pub(crate) batch: usize,
    pub(crate) connections: usize,
    /// Authorizations a second: both transactions.
    pub(crate) per_second: f64,
    /// How many were written.
    pub(crate) authorizations: usize,
    /// How long a transaction took.
    pub(crate) transaction_ms: Percentiles,
}

impl Case {
    /// A way without figures.
    pub(super) fn of(way: Way) -> Self {
        Self {
            form: way.form,
            batch: way.batch,
            connections: way.connections,
            per_second: 0.0,
            authorizations: 0,
            transaction_ms: Percentiles::default(),
        }
    }

    /// A way with its figures.
    #[expect(clippy::cast_precision_loss, reason = "counts of a measurement are far below 2^53")]
    pub(super) fn new(way: Way, authorizations: usize, took: Duration, transactions: &Latency) -> Self {
        Self {
            per_second: authorizations as f64 / took.as_secs_f64().max(f64::EPSILON),
            authorizations,
            transaction_ms: Percentiles::of(transactions),
            ..Self::of(way)
        }
    }

    pub(super) fn way(&self) -> Way {
        Way { form: self.form, batch: self.batch, connections: self.connections }
    }

    pub(super) fn is(&self, way: Way) -> bool {
        self.way() == way
    }

    /// Its figures on one line.
    pub(super) fn line(&self) -> String {
        format!(
            "{:<9} batch {:>4}  connections {:>2}  {:>8.0} authorizations/s  transaction {}",
            self.form.name(),
            self.batch,
            self.connections,
            self.per_second,
            self.transaction_ms.line()
        )
    }
}

/// A whole result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FloorResult {
    /// When it was measured, RFC 3339.
    pub(crate) at: String,
    pub(crate) label: String,
    /// `mariadb` or `sqlite`.
    pub(crate) store: String,
    /// What decides durability and speed, as the store tells it.
    pub(crate) settings: BTreeMap<String, String>,
    /// Rows written for each authorization, in two transactions.
    pub(crate) rows_per_authorization: usize,
    pub(crate) cases: Vec<Case>,
    pub(crate) machine: Machine,
}

impl FloorResult {
    /// The fastest way.
    pub(crate) fn best(&self) -> Option<&Case> {
        self.cases.iter().max_by(|a, b| a.per_second.total_cmp(&b.per_second))
    }

    /// The fastest with one authorization for each commit on one connection.
    pub(crate) fn single(&self) -> Option<&Case> {
        let single = self.cases.iter().filter(|case| case.batch == 1 && case.connections == 1);
        single.max_by(|a, b| a.per_second.total_cmp(&b.per_second))
    }

    /// The readable table.
    pub(crate) fn lines(&self) -> Vec<String> {
        let settings: Vec<String> =
            self.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let mut lines = vec![
            format!(
                "floor of {}, {} rows an authorization in two transactions",
                self.store, self.rows_per_authorization
            ),
            settings.join(", "),
            self.machine.line(),
        ];
        lines.extend(self.cases.iter().map(Case::line));
        for (what, case) in [("one a commit", self.single()), ("best", self.best())] {
            lines.extend(case.map(|case| format!("{what}: {}", case.line())));
        }
        lines
    }
}
