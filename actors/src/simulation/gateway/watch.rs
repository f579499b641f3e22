//! What must be true at the moment a request leaves for the PG.
//!
//! Judged from the raw tables and the PG's record: the attempt is committed, and a new key is taken only after
//! the PG recorded a negative for the one before (or an operator settled it).

use payment_schema::cause::CauseKind;
use payment_schema::ids::{Attempt, Version};
use payment_schema::invariant::Invariant;
use payment_schema::operation::PgKey;
use payment_schema::pg::PgRequest;

use super::{SimGateway, Verdict};
use crate::simulation::store::Tables;

impl SimGateway {
    pub(super) fn check_allowed(&self, request: &PgRequest) {
        let key = request.key;
        let problem = self
            .store
            .inspect(|tables| uncommitted(tables, key))
            .or_else(|| self.forbidden_attempt(key))
            .or_else(|| self.shared.bank.lock().contradiction(request));
        if let Some(problem) = problem {
            let what = format!("a request under {key} left for the pg, but {problem}");
            self.environment().violation(Invariant::I10, Some(key.payment_id), what);
        }
    }

    /// An attempt follows another only when the PG recorded a negative for that one, or an operator said so.
    fn forbidden_attempt(&self, key: PgKey) -> Option<String> {
        if key.attempt <= Attempt::FIRST {
            return None;
        }
        let before = PgKey { attempt: Attempt(key.attempt.0 - 1), ..key };
        let recorded = self.inspect(|bank| bank.recorded(before).map(|entry| entry.verdict));
        let settled = || self.store.inspect(|tables| settled_by_operator(tables, before));
        match recorded {
            Some(Verdict::Declined | Verdict::Failed) => None,
            Some(Verdict::Approved) => Some(format!("the pg approved {before}")),
            None if settled() => None,
            None => Some(format!("the pg has no record of {before}")),
        }
    }
}

fn uncommitted(tables: &Tables, key: PgKey) -> Option<String> {
    let rows =
        tables.transitions.range((key.payment_id, Version::NONE)..=(key.payment_id, Version(u64::MAX)));
    let intended = rows
        .map(|(_, row)| &row.transition)
        .any(|step| step.operation_no == key.operation_no && step.attempt == key.attempt);
    let of_kind = tables
        .payments
        .get(&key.payment_id)
        .and_then(|payment| payment.operation(key.operation_no))
        .is_some_and(|operation| operation.kind == key.kind);
    (!intended || !of_kind).then(|| "that attempt is not committed".to_owned())
}

fn settled_by_operator(tables: &Tables, key: PgKey) -> bool {
    let rows =
        tables.transitions.range((key.payment_id, Version::NONE)..=(key.payment_id, Version(u64::MAX)));
    rows.map(|(_, row)| &row.transition).any(|step| {
        step.operation_no == key.operation_no
            && step.attempt == key.attempt
            && step.cause.kind == CauseKind::Operator
    })
}
