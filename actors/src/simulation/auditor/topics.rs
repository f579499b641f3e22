//! I7: what the topics tell of a payment is gapless, in order, and true to its history.

use std::collections::BTreeMap;

use payment_schema::ids::{EventId, PaymentId};
use payment_schema::invariant::Invariant::I7;
use payment_schema::payment::Payment;
use payment_schema::status::Status;
use payment_schema::topic::Topic;
use payment_schema::transition::Transition;
use serde_json::Value;

use super::Evidence;
use crate::simulation::event_log::{LogRecord, Moment};

/// One event as it was found in a topic.
struct Found {
    topic: Topic,
    event_id: EventId,
    body: Value,
    /// Its first appearance.
    moment: Option<Moment>,
}

pub(super) fn audit(evidence: &Evidence<'_>) {
    let mut found: BTreeMap<(PaymentId, u64), Found> = BTreeMap::new();
    for topic in Topic::ALL.into_iter().filter(|topic| !topic.is_dead_letter()) {
        read_topic(evidence, topic, &mut found);
    }
    for payment in evidence.tables.payments.values() {
        check_payment(evidence, payment, &found);
    }
    check_letters(evidence);
}

fn read_topic(evidence: &Evidence<'_>, topic: Topic, found: &mut BTreeMap<(PaymentId, u64), Found>) {
    let mut highest: BTreeMap<PaymentId, u64> = BTreeMap::new();
    for (position, record) in evidence.records.of_topic(topic).filter(|(_, record)| !record.is_foreign) {
        let Some((payment_id, seq, event_id, body)) = parse(record) else {
            evidence.report(I7, None, format!("{topic} offset {} is not readable", position.offset));
            continue;
        };
        if record.key.as_deref() != Some(payment_id.to_string().as_bytes()) {
            evidence.report(I7, payment_id, format!("event {seq} has the key {:?}", record.key));
        }
        match found.get(&(payment_id, seq)) {
            Some(first) => {
                if (first.topic, first.event_id, &first.body) != (topic, event_id, &body) {
                    evidence.report(I7, payment_id, format!("two different events have the number {seq}"));
                }
            }
            None => {
                let last = highest.entry(payment_id).or_default();
                if seq < *last {
                    evidence.report(I7, payment_id, format!("{topic}: {seq} first appears after {last}"));
                }
                *last = seq.max(*last);
                let moment = evidence.records.moment(&position);
                found.insert((payment_id, seq), Found { topic, event_id, body, moment });
            }
        }
    }
}

fn parse(record: &LogRecord) -> Option<(PaymentId, u64, EventId, Value)> {
    let body: Value = serde_json::from_slice(&record.payload).ok()?;
    let payment_id = PaymentId::try_from(body["paymentId"].as_u64()?).ok()?;
    let event_id = record.event_id?;
    let same_id = body["eventId"].as_str() == Some(event_id.to_string().as_str());
    same_id.then_some((payment_id, body["eventSeq"].as_u64()?, event_id, body))
}

fn check_payment(evidence: &Evidence<'_>, payment: &Payment, found: &BTreeMap<(PaymentId, u64), Found>) {
    let events: Vec<(u64, &Found)> = found
        .range((payment.id, 0)..=(payment.id, u64::MAX))
        .map(|((_, seq), event)| (*seq, event))
        .collect();
    let numbers: Vec<u64> = events.iter().map(|(seq, _)| *seq).collect();
    if !numbers.iter().copied().eq(1..=payment.last_event_seq) {
        let what = format!("events 1 to {} are expected, found {numbers:?}", payment.last_event_seq);
        evidence.report(I7, payment.id, what);
    }
    for pair in events.windows(2) {
        let [(earlier, first), (later, second)] = pair else { continue };
        if second.moment < first.moment {
            let what = format!("event {later} was published before event {earlier}");
            evidence.report(I7, payment.id, what);
        }
    }
    for step in evidence.steps(payment.id) {
        check_told(evidence, payment, step, &events);
    }
    for (seq, event) in &events {
        let marked = evidence.tables.ever_marked.get(&event.event_id);
        if marked.is_some_and(|marked| event.moment.is_some_and(|moment| *marked < moment.at)) {
            evidence.report(I7, payment.id, format!("event {seq} was marked as published before it was"));
        }
        check_true(evidence, payment, *seq, event);
    }
}

/// An event tells what the history says.
fn check_true(evidence: &Evidence<'_>, payment: &Payment, seq: u64, event: &Found) {
    let body = &event.body;
    let version = body["version"].as_u64();
    let step = evidence.steps(payment.id).find(|step| Some(step.version.0) == version);
    let is_true = step.is_some_and(|step| {
        body["status"] == step.to.as_str()
            && body["operationNo"] == step.operation_no.0
            && body["merchantId"] == payment.merchant_id.as_str()
            && body["amount"] == payment.amount.get()
            && body["currency"] == payment.currency.code()
            && event.event_id == EventId::of(payment.id, seq)
    });
    if !is_true {
        evidence.report(
            I7,
            payment.id,
            format!("event {seq} in {} is not what the history says", event.topic),
        );
    }
}

/// A change of state is told, by the topic that is meant for it; a retry tells nothing.
fn check_told(evidence: &Evidence<'_>, payment: &Payment, step: &Transition, events: &[(u64, &Found)]) {
    let Some(from) = step.from.filter(|from| *from != step.to) else {
        return;
    };
    let expected: &[Topic] = match (from, step.to) {
        (_, Status::Authorized) if from == Status::Ready => &[Topic::Authorized],
        (_, Status::Authorized) => &[Topic::CaptureFailed, Topic::CancelFailed],
        (Status::CaptureFailed, Status::CaptureRequested)
        | (Status::RefundFailed, Status::RefundRequested) => &[],
        (_, Status::CaptureRequested) => &[Topic::CaptureRequested],
        (_, Status::AuthFailed) => &[Topic::AuthorizationFailed],
        (_, Status::Cancelled) => &[Topic::Cancelled],
        (Status::RefundFailed, Status::Captured | Status::PartialRefunded) => &[Topic::RefundFailed],
        (_, Status::Captured) => &[Topic::Captured],
        (_, Status::CaptureFailed) => &[Topic::CaptureFailed],
        (_, Status::RefundRequested) => &[Topic::RefundRequested],
        (_, Status::Refunded | Status::PartialRefunded) => &[Topic::Refunded],
        (_, Status::RefundFailed) => &[Topic::RefundFailed],
        (_, Status::Ready) => &[],
    };
    let told: Vec<Topic> = events
        .iter()
        .filter(|(_, event)| event.body["version"].as_u64() == Some(step.version.0))
        .map(|(_, event)| event.topic)
        .collect();
    let fits = match expected {
        [] => told.is_empty(),
        topics => told.len() == 1 && topics.contains(&told[0]),
    };
    if !fits {
        let what = format!("version {} ({from} to {}) was told as {told:?}", step.version.0, step.to);
        evidence.report(I7, payment.id, what);
    }
}

/// Every dead letter was published.
fn check_letters(evidence: &Evidence<'_>) {
    for (_, letter) in evidence.tables.letters.values() {
        let wanted = Some(EventId::of_dead_letter(&letter.id));
        let published = evidence.records.of_topic(letter.topic).any(|(_, record)| record.event_id == wanted);
        if !published {
            let what = format!("dead letter {} was not published to {}", letter.id, letter.topic);
            evidence.report(I7, letter.payment_id, what);
        }
    }
}
