//! What a record in a topic says, and what is wrong with it.
//!
//! Owns the form that the world is promised: headers, key, and the JSON Schemas in `schema/events`. Never knows which
//! event log a record comes from.

use std::collections::BTreeMap;

use jsonschema::Validator;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use serde::Deserialize;
use serde_json::Value;

use super::dossier::Event;

/// The version of the schemas below, as the header carries it.
const SCHEMA_VERSION: &str = "1";

/// A record as its event log has it.
pub(super) struct Raw<'a> {
    pub(super) topic: Topic,
    pub(super) partition: i64,
    pub(super) offset: i64,
    /// When it was written.
    pub(super) at: Timestamp,
    pub(super) key: Option<&'a [u8]>,
    pub(super) headers: Headers,
    pub(super) value: &'a [u8],
}

/// The headers that every record has.
#[derive(Default)]
pub(super) struct Headers {
    pub(super) event_id: Option<String>,
    pub(super) traceparent: Option<String>,
    pub(super) schema_version: Option<String>,
}

impl Headers {
    /// Takes a header if it is one of those.
    pub(super) fn take(&mut self, name: &str, value: String) {
        match name {
            "eventId" => self.event_id = Some(value),
            "traceparent" => self.traceparent = Some(value),
            "schemaVersion" => self.schema_version = Some(value),
            _ => {}
        }
    }
}

/// What was read.
#[derive(Default)]
pub(super) struct Judged {
    /// The payment it names, by its value or else by its key.
    pub(super) payment: Option<u64>,
    /// What it says; nothing when it is no event.
    pub(super) event: Option<Event>,
    /// What is wrong with it.
    pub(super) flaw: Option<Flaw>,
}

/// Something wrong with a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// In words that follow the record's name.
    pub(super) what: String,
    /// Consumers cannot read it, so they must put it aside.
    pub(super) unreadable: bool,
}

/// Reads records.
pub(super) struct Records {
    schemas: BTreeMap<Topic, Validator>,
}

impl Records {
    pub(super) fn new() -> Self {
        let compiled = Topic::ALL.into_iter().map(|topic| {
            let schema = serde_json::from_str(schema(topic)).expect("the repository's schemas are JSON");
            let validator = jsonschema::draft202012::new(&schema);
            (topic, validator.expect("the repository's schemas are JSON Schemas"))
        });
        Self { schemas: compiled.collect() }
    }

    pub(super) fn judge(&self, raw: &Raw<'_>) -> Judged {
        let key = raw.key.and_then(|key| std::str::from_utf8(key).ok()?.parse().ok());
        let Ok(value) = serde_json::from_slice::<Value>(raw.value) else {
            let flaw = Flaw { what: "is no JSON".to_owned(), unreadable: true };
            return Judged { payment: key, event: None, flaw: Some(flaw) };
        };
        let is_event = !raw.topic.is_dead_letter();
        let event = if is_event { Event::deserialize(&value).ok() } else { None };
        let what = self
            .against_schema(raw.topic, &value)
            .or_else(|| against_headers(&raw.headers, event.as_ref()))
            .or_else(|| against_key(key, event.as_ref()));
        let payment = event.as_ref().map(|event| event.payment_id).or(key);
        // What another version means is not known here, whatever it looks like.
        let event = event.filter(|_| !is_of_another_version(raw));
        let unreadable = is_event && event.is_none();
        Judged { payment, event, flaw: what.map(|what| Flaw { what, unreadable }) }
    }

    fn against_schema(&self, topic: Topic, value: &Value) -> Option<String> {
        let error = self.schemas.get(&topic)?.iter_errors(value).next()?;
        // Without the value: it may be anything.
        Some(format!("breaks the schema of its topic at \"{}\": {}", error.instance_path(), error.masked()))
    }
}

fn is_of_another_version(raw: &Raw<'_>) -> bool {
    raw.headers.schema_version.as_deref().is_some_and(|version| version != SCHEMA_VERSION)
}

fn against_headers(headers: &Headers, event: Option<&Event>) -> Option<String> {
    let Some(version) = &headers.schema_version else {
        return Some("has no header schemaVersion".to_owned());
    };
    if version != SCHEMA_VERSION {
        return Some(format!("has the schemaVersion {:?}", shortened(version)));
    }
    let Some(id) = &headers.event_id else {
        return Some("has no header eventId".to_owned());
    };
    if event.is_some_and(|event| event.event_id != *id) {
        return Some(format!("has the eventId {:?} in its header and another one inside", shortened(id)));
    }
    match &headers.traceparent {
        None => Some("has no header traceparent".to_owned()),
        Some(text) if !is_traceparent(text) => Some(format!("has the traceparent {:?}", shortened(text))),
        Some(_) => None,
    }
}

fn against_key(key: Option<u64>, event: Option<&Event>) -> Option<String> {
    let event = event?;
    (key != Some(event.payment_id)).then(|| format!("of payment {} has another key", event.payment_id))
}

/// As much of a header as a person needs to recognise it.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// `version-trace-parent-flags` in lower-case hex, neither id all zeros (<https://www.w3.org/TR/trace-context/>).
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, length: usize| is_hex(part, length) && part.bytes().any(|byte| byte != b'0');
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    *version == "00" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)
}

fn schema(topic: Topic) -> &'static str {
    macro_rules! schema {
        ($name:literal) => {
            include_str!(concat!("../../../schema/events/", $name, ".json"))
        };
    }
    match topic {
        Topic::Authorized => schema!("payment.authorized"),
        Topic::CaptureRequested => schema!("payment.capture-requested"),
        Topic::Captured => schema!("payment.captured"),
        Topic::RefundRequested => schema!("payment.refund-requested"),
        Topic::Refunded => schema!("payment.refunded"),
        Topic::Cancelled => schema!("payment.cancelled"),
        Topic::AuthorizationFailed => schema!("payment.authorization-failed"),
        Topic::CaptureFailed => schema!("payment.capture-failed"),
        Topic::RefundFailed => schema!("payment.refund-failed"),
        Topic::CancelFailed => schema!("payment.cancel-failed"),
        Topic::PaymentDlq => schema!("payment.dlq"),
        Topic::SettlementDlq => schema!("settlement.dlq"),
        Topic::RefundDlq => schema!("refund.dlq"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparents_are_those_of_the_standard() {
        let cases = [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_traceparent(text), expected, "{text}");
        }
    }
}
