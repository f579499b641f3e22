//! I7: each event of a payment is in its topic at least once, and first appearances rise within a topic.

use std::collections::BTreeMap;

use payment_schema::invariant::Invariant::I7;

use super::dossier::{Dossier, EventRow, PaymentRow};
use super::evidence::{AskPresent, EvidenceError};
use super::verdicts::Verdicts;

pub(super) fn examine(
    dossier: &Dossier,
    payment: &PaymentRow,
    present: AskPresent<'_>,
    verdicts: &mut Verdicts,
) -> Result<(), EvidenceError> {
    verdicts.examined(I7);
    let identities = identities(dossier, verdicts);
    for seq in 1..=payment.last_event_seq {
        if !identities.contains_key(&seq) {
            examine_missing(dossier, seq, verdicts);
        }
    }
    let beyond: Vec<i64> =
        identities.keys().copied().filter(|seq| !(1..=payment.last_event_seq).contains(seq)).collect();
    if !beyond.is_empty() {
        // The topics are read after the store, so they may be ahead.
        let last = present(dossier.id)?.map_or(0, |present| present.last_event_seq);
        for seq in beyond {
            verdicts.require(I7, dossier.id, (1..=last).contains(&seq), || {
                format!("event {seq} is published, and the payment's last is {last}")
            });
        }
    }
    for topic in dossier.events.chunk_by(|a, b| a.topic == b.topic) {
        examine_order(dossier.id, topic, verdicts);
    }
    Ok(())
}

/// The id under which each event number was published; it must be the same every time.
fn identities<'a>(dossier: &'a Dossier, verdicts: &mut Verdicts) -> BTreeMap<i64, &'a str> {
    let mut identities = BTreeMap::new();
    for found in &dossier.events {
        let (seq, id) = (found.event.event_seq, found.event.event_id.as_str());
        let known = *identities.entry(seq).or_insert(id);
        verdicts.require(I7, dossier.id, known == id, || {
            format!("event {seq} was published as {known} and as {id}")
        });
    }
    identities
}

fn examine_missing(dossier: &Dossier, seq: i64, verdicts: &mut Verdicts) {
    let waiting = dossier.unpublished.iter().find(|row| row.event_seq == Some(seq));
    match waiting {
        Some(row) if verdicts.is_fresh(row.created_at) => verdicts.saw_in_flight(),
        Some(row) => {
            let since = row.created_at;
            verdicts.broken(
                I7,
                dossier.id,
                format!("event {seq} has waited for its publication since {since}"),
            );
        }
        None => verdicts.broken(I7, dossier.id, format!("event {seq} is in no topic and waits nowhere")),
    }
}

/// One payment's records share a partition, so their offsets order them.
fn examine_order(id: u64, records: &[EventRow], verdicts: &mut Verdicts) {
    let topic = &records[0].topic;
    let mut highest = 0;
    for pair in records.windows(2) {
        verdicts.require(I7, id, pair[0].partition == pair[1].partition, || {
            format!("its records in {topic} are in more than one partition")
        });
    }
    let mut seen = Vec::new();
    for record in records {
        let seq = record.event.event_seq;
        if seen.contains(&seq) {
            continue;
        }
        seen.push(seq);
        verdicts.require(I7, id, seq > highest, || {
            format!("event {seq} appears after event {highest} in {topic}")
        });
        highest = highest.max(seq);
    }
}
