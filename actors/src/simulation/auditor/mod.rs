//! The auditor: judges a run from the raw tables, the topics from offset 0, the PG's own record and what clients
//! and operators heard.
//!
//! Owns a model of its own of what may be (edges, sums, orders); it never calls the engine's rules. One file per
//! group of invariants; [`Witness`] judges at the moment something is heard, the others at the end.

mod answers;
mod edges;
mod freshness;
mod ledger;
mod letters;
mod record;
mod rest;
mod sums;
mod topics;
mod witness;

use std::cell::RefCell;

use payment_schema::ids::{OperationNo, PaymentId, Version};
use payment_schema::invariant::Invariant;
use payment_schema::operation::OperationKind;
use payment_schema::transition::Transition;

pub(super) use self::rest::unrest;
pub(super) use self::witness::Witness;
use super::event_log::Records;
use super::gateway::{Bank, Entry, Verdict};
use super::history::History;
use super::store::Tables;
use super::world::World;

/// What the auditor looks at.
struct Evidence<'a> {
    tables: &'a Tables,
    records: &'a Records,
    bank: &'a Bank,
    history: &'a History,
    findings: RefCell<Vec<(Invariant, Option<PaymentId>, String)>>,
}

impl Evidence<'_> {
    fn report(&self, invariant: Invariant, payment_id: impl Into<Option<PaymentId>>, what: String) {
        self.findings.borrow_mut().push((invariant, payment_id.into(), what));
    }

    fn steps(&self, id: PaymentId) -> impl Iterator<Item = &Transition> {
        steps(self.tables, id)
    }

    /// What the PG approved for a payment.
    fn approved(&self, id: PaymentId) -> impl Iterator<Item = &Entry> {
        let record = self.bank.record().iter();
        record.filter(move |entry| entry.key.payment_id == id && entry.verdict == Verdict::Approved)
    }

    /// The sum of what the PG approved of one kind.
    fn approved_sum(&self, id: PaymentId, kind: OperationKind) -> u64 {
        self.approved(id).filter(|entry| entry.key.kind == kind).map(|entry| entry.amount.get()).sum()
    }

    /// The kind of an operation, as the payment's row has it.
    fn kind(&self, id: PaymentId, no: OperationNo) -> Option<OperationKind> {
        Some(self.tables.payments.get(&id)?.operation(no)?.kind)
    }
}

/// A payment's transitions, oldest first.
fn steps(tables: &Tables, id: PaymentId) -> impl Iterator<Item = &Transition> {
    let rows = tables.transitions.range((id, Version::NONE)..=(id, Version(u64::MAX)));
    rows.map(|(_, row)| &row.transition)
}

/// Judges everything that is durable and everything that was heard. Call it when the world is at rest.
pub(super) fn audit(world: &World, history: &History) {
    let findings = world.store.inspect(|tables| {
        world.event_log.inspect(|records| {
            world.gateway.inspect(|bank| {
                let evidence = Evidence { tables, records, bank, history, findings: RefCell::default() };
                record::audit(&evidence);
                sums::audit(&evidence);
                ledger::audit(&evidence);
                edges::audit(&evidence);
                topics::audit(&evidence);
                answers::audit(&evidence);
                letters::audit(&evidence);
                evidence.findings.into_inner()
            })
        })
    });
    for (invariant, payment_id, what) in findings {
        world.environment.violation(invariant, payment_id, what);
    }
}
