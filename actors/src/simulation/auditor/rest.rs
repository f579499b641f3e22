//! I5 and I14: everything rests, is terminal, or waits for an operator with an open letter; queues are empty.
//!
//! Owns the question what is still moving. How long it may be is the run's business.

use std::collections::BTreeSet;

use payment_schema::dead_letter::LetterStatus;
use payment_schema::ids::EventId;
use payment_schema::operation::{Operation, OperationKind, Progress};
use payment_schema::payment::Payment;
use payment_schema::topic::Topic;

use crate::simulation::store::Tables;
use crate::simulation::world::World;

/// Everything that is not at rest, in words; empty when the world is.
pub(in crate::simulation) fn unrest(world: &World) -> Vec<String> {
    let mut found = world.store.inspect(|tables| {
        let payments = tables.payments.values().filter_map(|payment| moving(tables, payment));
        let unpublished = tables.outbox.values().filter(|row| row.published_at.is_none());
        let waiting =
            unpublished.map(|row| format!("{} {} is not published", row.record.topic, row.record.event_id));
        payments.chain(waiting).collect::<Vec<_>>()
    });
    for topic in Topic::ALL {
        let lag = world.event_log.inspect(|records| records.longest_lag(topic));
        if let Some((group, lag)) = lag.filter(|(_, lag)| *lag > 0) {
            found.push(format!("{group} has {lag} records of {topic} to read"));
        }
    }
    found.extend(unposted(world));
    found
}

/// What the ledger has not read yet, or not posted; it may not even have joined its group.
fn unposted(world: &World) -> Vec<String> {
    let posted: BTreeSet<EventId> =
        world.store.inspect(|tables| tables.ledger.iter().map(|row| row.movement.event_id).collect());
    world.event_log.inspect(|records| {
        let told = [Topic::Captured, Topic::Refunded].into_iter().flat_map(|topic| records.of_topic(topic));
        let events = told.filter(|(_, record)| !record.is_foreign).filter_map(|(_, record)| record.event_id);
        events.filter(|event| !posted.contains(event)).map(|event| format!("{event} is not posted")).collect()
    })
}

fn moving(tables: &Tables, payment: &Payment) -> Option<String> {
    let mut open = payment.open_operations().peekable();
    if open.peek().is_none() {
        let rests = payment.status.is_terminal() || payment.status.is_resting();
        return (!rests).then(|| format!("payment {} is {} with nothing open", payment.id, payment.status));
    }
    let void_waits = payment
        .open_operations()
        .any(|it| it.kind == OperationKind::Void && waits_for_operator(tables, payment, it));
    let stuck: Vec<String> = open
        .filter(|operation| !waits_for_operator(tables, payment, operation))
        // An authorization that is to end by a void is asked about until an operator has helped the void on.
        .filter(|operation| !(void_waits && operation.kind == OperationKind::Authorize))
        .map(|operation| {
            format!(
                "{} {} attempt {} is {:?} ({})",
                operation.kind.as_str(),
                operation.no,
                operation.attempt,
                operation.progress,
                operation.outcome.as_str()
            )
        })
        .collect();
    (!stuck.is_empty()).then(|| format!("payment {} is {}: {}", payment.id, payment.status, stuck.join(", ")))
}

fn waits_for_operator(tables: &Tables, payment: &Payment, operation: &Operation) -> bool {
    let letter = tables.letters.get(&operation.dead_letter_id(payment.id));
    operation.progress == Progress::DeadLettered
        && letter.is_some_and(|(_, letter)| letter.status == LetterStatus::Open)
}
