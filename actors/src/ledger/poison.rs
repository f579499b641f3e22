//! Records that nobody can post: what is kept of them, and how they are read again for a replay.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::PaymentId;
use payment_schema::ledger::{Movement, Unpostable};
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use serde_json::json;

use crate::ports::event_log::Consumed;

/// Longer payloads are cut: the record itself stays in its topic.
const MOST_PAYLOAD: usize = 256 * 1024;

/// The dead letter of a record that cannot be posted.
#[must_use]
pub fn dead_letter(record: &Consumed, error: &Unpostable, now: Timestamp) -> DeadLetter {
    let place = record.position;
    let kept = record.payload.get(..MOST_PAYLOAD).unwrap_or(&record.payload);
    DeadLetter {
        id: format!("{}-{}-{}", place.topic, place.partition, place.offset),
        topic: Topic::PaymentDlq,
        payment_id: payment_of(record),
        operation: None,
        error_type: error.error_type().to_owned(),
        status: LetterStatus::Open,
        body: json!({
            "originalTopic": place.topic.as_str(),
            "partition": place.partition,
            "offset": place.offset,
            "payload": STANDARD.encode(kept),
            "payloadEncoding": "base64",
            "payloadBytes": record.payload.len(),
            "payloadTruncated": kept.len() < record.payload.len(),
            "errorType": error.error_type(),
            "errorMessage": error.to_string(),
            "timestamp": now,
        }),
        created_at: now,
        closed_at: None,
        closed_reason: None,
    }
}

fn payment_of(record: &Consumed) -> Option<PaymentId> {
    let key = std::str::from_utf8(record.key.as_deref()?).ok()?;
    PaymentId::try_from(key.parse::<u64>().ok()?).ok()
}

/// What a record posts, judged by its header and value.
///
/// # Errors
/// Why it cannot be posted.
pub fn movement(topic: Topic, schema_version: Option<&str>, payload: &Bytes) -> Result<Movement, Unpostable> {
    match schema_version {
        None | Some(payment_schema::event::SCHEMA_VERSION) => Movement::from_record(topic, payload),
        Some(other) => Err(Unpostable::SchemaVersion(other.chars().take(32).collect())),
    }
}

/// The movement of a dead-lettered record, read again for a replay.
///
/// # Errors
/// Why it still cannot be posted.
pub fn movement_of_letter(letter: &DeadLetter) -> Result<Movement, Unpostable> {
    let malformed = |what: &str| Unpostable::Malformed(what.to_owned());
    let text = |name: &str| letter.body.get(name).and_then(serde_json::Value::as_str);
    let topic =
        text("originalTopic").and_then(Topic::parse).ok_or_else(|| malformed("the topic is not known"))?;
    let payload = text("payload").and_then(|payload| STANDARD.decode(payload).ok());
    let payload = payload.ok_or_else(|| malformed("the payload was not kept"))?;
    Movement::from_record(topic, &payload)
}
