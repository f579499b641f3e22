//! Reads the topics of either world, record by record, into the scratch file.
//!
//! Owns the reading. What a record says is judged in [`super::records`].

use std::collections::BTreeMap;

use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::evidence::EvidenceError;
use super::merge::moment;
use super::progress::Progress;
use super::records::{Headers, Raw, Records};
use super::scratch::RecordSink;
use crate::kafka::History;

/// Takes the records in the embedded store's event log, or those of one key.
pub(super) fn read_table(
    store: &Connection,
    only: Option<u64>,
    sink: &mut RecordSink<'_>,
) -> Result<(), EvidenceError> {
    const SQL: &str = "
        SELECT topic, partition, offset, at, key, headers, value FROM event_log WHERE ?1 IS NULL OR key = ?1";
    let records = Records::new();
    let mut statement = store.prepare(SQL)?;
    let mut rows = statement.query([only.map(|id| id.to_string())])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        // Other topics are other programs'.
        let Some(topic) = Topic::parse(&name) else { continue };
        let raw = raw_row(topic, row)?;
        let judged = records.judge(&raw);
        sink.add(&raw, judged)?;
    }
    Ok(())
}

fn raw_row<'r>(topic: Topic, row: &'r Row<'_>) -> rusqlite::Result<Raw<'r>> {
    let text: String = row.get(5)?;
    let mut headers = Headers::default();
    for (name, value) in serde_json::from_str::<BTreeMap<String, String>>(&text).unwrap_or_default() {
        headers.take(&name, value);
    }
    Ok(Raw {
        topic,
        partition: row.get(1)?,
        offset: row.get(2)?,
        at: moment(row, 3)?,
        key: bytes(row.get_ref(4)?),
        headers,
        value: bytes(row.get_ref(6)?).unwrap_or_default(),
    })
}

fn bytes(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    }
}

/// Takes the records that Kafka has, or those of one key: for want of an index all are read then, too.
pub(super) fn read_kafka(
    history: &History,
    only: Option<u64>,
    sink: &mut RecordSink<'_>,
    progress: &Progress,
) -> Result<(), EvidenceError> {
    let records = Records::new();
    let key = only.map(|id| id.to_string());
    let (all, mut read) = (history.records(), 0_u64);
    history.read(|topic, message| {
        read += 1;
        progress.step(|| format!("read {read} of {all} records in kafka"));
        if key.as_ref().is_some_and(|key| message.key() != Some(key.as_bytes())) {
            return Ok(());
        }
        let raw = raw_message(topic, message);
        let judged = records.judge(&raw);
        sink.add(&raw, judged)
    })
}

fn raw_message<'m>(topic: Topic, message: &'m BorrowedMessage<'_>) -> Raw<'m> {
    let mut headers = Headers::default();
    for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
        let value = String::from_utf8_lossy(header.value.unwrap_or_default());
        headers.take(header.key, value.into_owned());
    }
    Raw {
        topic,
        partition: message.partition().into(),
        offset: message.offset(),
        // Without a time it counts as old.
        at: Timestamp::from_micros(message.timestamp().to_millis().unwrap_or(0).saturating_mul(1_000)),
        key: message.key(),
        headers,
        value: message.payload().unwrap_or_default(),
    }
}
