//! Values as columns hold them.
//!
//! Owns the conversions between the vocabulary's types and SQLite's. A value that has no meaning is an
//! unreadable row, never a default.

use bytes::Bytes;
use payment_schema::ids::{EventId, PaymentId, TraceId};
use payment_schema::status::Status;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, RowIndex};

use super::failure::Failure;

/// Counts, offsets and positions as SQLite's signed integers. None of them ever comes near the bound.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The unsigned value of a column that a constraint keeps from being negative.
pub(super) fn unsigned(column: &str, value: i64) -> Result<u64, Failure> {
    u64::try_from(value).map_err(|_| Failure::unreadable(column, value))
}

/// A small number: an operation's, an attempt's, a partition's.
pub(super) fn small(column: &str, value: i64) -> Result<u32, Failure> {
    u32::try_from(value).map_err(|_| Failure::unreadable(column, value))
}

/// A column that `parse` gives a meaning to.
pub(super) fn parsed<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    let value = row.get_ref(column)?;
    let text = value.as_str().map_err(|_| Failure::unreadable(column, "no text"))?;
    parse(text).ok_or_else(|| Failure::unreadable(column, format_args!("{text:?}")))
}

/// A payment's id.
pub(super) fn payment_id(row: &Row<'_>, column: &str) -> Result<PaymentId, Failure> {
    let value: i64 = row.get(column)?;
    PaymentId::try_from(value).map_err(|_| Failure::unreadable(column, value))
}

/// A moment.
pub(super) fn timestamp(row: &Row<'_>, column: &str) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_micros(row.get(column)?))
}

/// An event's id.
pub(super) fn event_id(text: &str) -> Option<EventId> {
    uuid::Uuid::parse_str(text).ok().map(EventId)
}

/// A state.
pub(super) fn status(text: &str) -> Option<Status> {
    Status::parse(text).ok()
}

/// A topic.
pub(super) fn topic(row: &Row<'_>) -> Result<Topic, Failure> {
    parsed(row, "topic", Topic::parse)
}

/// A trace.
pub(super) fn trace_id(row: &Row<'_>) -> Result<TraceId, Failure> {
    parsed(row, "trace_id", TraceId::parse)
}

/// Bytes for an ANY column: as text where they are text, so that people can read them with SQL.
pub(super) fn text_or_blob(bytes: &[u8]) -> ToSqlOutput<'_> {
    let value = match std::str::from_utf8(bytes) {
        Ok(_) => ValueRef::Text(bytes),
        Err(_) => ValueRef::Blob(bytes),
    };
    ToSqlOutput::Borrowed(value)
}

/// The bytes of an ANY column; `None` for null. Other programs may have put a number there.
pub(super) fn any_bytes<I: RowIndex>(row: &Row<'_>, column: I) -> Result<Option<Bytes>, Failure> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Bytes::copy_from_slice(bytes)),
        ValueRef::Integer(number) => Some(number.to_string().into()),
        ValueRef::Real(number) => Some(number.to_string().into()),
    })
}
