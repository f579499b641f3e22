//! From a decision to a durable change.
//!
//! Owns how a decision becomes an append: rendered answers, outbox records, request rows. Reads movements where an
//! answer shows them. Never decides.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use payment_schema::dead_letter::{DeadLetter, LetterChange};
use payment_schema::decide::Decision;
use payment_schema::event::Event;
use payment_schema::ids::{EventId, PaymentId, TraceId};
use payment_schema::operation::{Operation, OperationKind};
use payment_schema::payment::{DueKind, Payment};
use payment_schema::representation::{Answer, AnswerKind, render};
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;

use crate::ports::journal_store::{Append, AuditEntry, KeyClaim, OutboxRecord};
use crate::ports::{Ports, StoreError};

/// A decision ready to be appended.
pub(super) struct Prepared {
    pub(super) append: Append,
    /// The answers it stores, for those who wait and for the cache.
    pub(super) answers: Vec<(IdempotencyKey, Answer)>,
}

/// Prepares a decision's append; `lease` says how long sweeps leave an attempt of a kind alone.
pub(super) async fn prepare(
    ports: &Ports,
    lease: impl Fn(DueKind) -> Duration,
    before: Option<&Payment>,
    decision: &Decision,
    key: Option<KeyClaim>,
    audit: Option<AuditEntry>,
    trace_id: TraceId,
) -> Result<Prepared, StoreError> {
    let payment = &decision.payment;
    let mut answers = Vec::with_capacity(decision.answers.len());
    for keyed in &decision.answers {
        answers.push((keyed.key.clone(), answer(ports, keyed.kind, payment).await?));
    }
    let append = Append {
        payment: Arc::new(payment.clone()),
        expected: decision.expected,
        token: ports.random.next_u64(),
        transitions: decision.transitions.clone(),
        outbox: outbox(decision, trace_id),
        letters: decision.letters.clone(),
        key,
        answers: answers.clone(),
        requests: changed_requests(before, payment),
        due: payment.due_after(payment.updated_at, lease),
        audit,
    };
    Ok(Prepared { append, answers })
}

/// The append that only takes a key: its command repeats one that was accepted, and its answer is stored with it.
pub(super) fn only_key(
    ports: &Ports,
    lease: impl Fn(DueKind) -> Duration,
    payment: &Payment,
    claim: KeyClaim,
    answer: Answer,
    now: Timestamp,
) -> Append {
    let key = claim.key.clone();
    Append {
        payment: Arc::new(payment.clone()),
        expected: payment.version,
        token: ports.random.next_u64(),
        transitions: Vec::new(),
        outbox: Vec::new(),
        letters: Vec::new(),
        key: Some(claim),
        answers: vec![(key, answer)],
        requests: Vec::new(),
        due: payment.due_after(now, lease),
        audit: None,
    }
}

/// Renders an answer with the movements posted so far. Without a capture there is none, so nothing is read.
pub(super) async fn answer(ports: &Ports, kind: AnswerKind, payment: &Payment) -> Result<Answer, StoreError> {
    let entries =
        if payment.was_captured() { ports.store.ledger_entries(payment.id).await? } else { Vec::new() };
    Ok(render(kind, payment, entries))
}

fn outbox(decision: &Decision, trace_id: TraceId) -> Vec<OutboxRecord> {
    let events = decision.events.iter().map(|event| record_of_event(event, trace_id));
    let letters = decision.letters.iter().filter_map(|change| match change {
        LetterChange::Open(letter) => Some(record_of_letter(letter, decision.payment.id, trace_id)),
        LetterChange::Close { .. } => None,
    });
    events.chain(letters).collect()
}

fn record_of_event(event: &Event, trace_id: TraceId) -> OutboxRecord {
    OutboxRecord {
        event_id: event.event_id,
        payment_id: event.payment_id,
        event_seq: Some(event.event_seq),
        topic: event.kind.topic(),
        payload: Bytes::from(event.to_json()),
        trace_id,
        at: event.occurred_at,
    }
}

fn record_of_letter(letter: &DeadLetter, payment_id: PaymentId, trace_id: TraceId) -> OutboxRecord {
    OutboxRecord {
        event_id: EventId::of_dead_letter(&letter.id),
        payment_id,
        event_seq: None,
        topic: letter.topic,
        payload: Bytes::from(letter.body.to_string()),
        trace_id,
        at: letter.created_at,
    }
}

/// Captures, refunds and voids whose rows must follow.
fn changed_requests(before: Option<&Payment>, after: &Payment) -> Vec<Operation> {
    let changed = |operation: &&Operation| {
        operation.kind != OperationKind::Authorize
            && before.and_then(|payment| payment.operation(operation.no)) != Some(*operation)
    };
    after.operations.iter().filter(changed).cloned().collect()
}
