//! Values as columns hold them.
//!
//! Owns the conversions between the vocabulary's types and the database's. A value that has no meaning is an
//! unreadable row, never a default.

use payment_schema::ids::{EventId, PaymentId, TraceId};
use payment_schema::status::Status;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use sqlx::mysql::MySqlRow;
use sqlx::{Decode, MySql, Row, Type};

use super::failure::Failure;

/// Counts, versions and positions as signed integers. None of them ever comes near the bound.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A column's value.
pub(super) fn value<'r, T>(row: &'r MySqlRow, column: &str) -> Result<T, Failure>
where
    T: Decode<'r, MySql> + Type<MySql>,
{
    row.try_get(column).map_err(Failure::from)
}

/// The unsigned value of a signed column.
pub(super) fn unsigned(row: &MySqlRow, column: &str) -> Result<u64, Failure> {
    let found: i64 = value(row, column)?;
    u64::try_from(found).map_err(|_| Failure::unreadable(column, found))
}

/// A column that `parse` gives a meaning to.
pub(super) fn parsed<T>(
    row: &MySqlRow,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    let text: &str = value(row, column)?;
    parse(text).ok_or_else(|| Failure::unreadable(column, format_args!("{text:?}")))
}

/// The same for a column that may be null.
pub(super) fn parsed_if_any<T>(
    row: &MySqlRow,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let text: Option<&str> = value(row, column)?;
    text.map(|_| parsed(row, column, parse)).transpose()
}

/// A payment's id.
pub(super) fn payment_id(row: &MySqlRow) -> Result<PaymentId, Failure> {
    let found: i64 = value(row, "payment_id")?;
    PaymentId::try_from(found).map_err(|_| Failure::unreadable("payment_id", found))
}

/// A moment.
pub(super) fn timestamp(row: &MySqlRow, column: &str) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_micros(value(row, column)?))
}

/// An event's id.
pub(super) fn event_id(row: &MySqlRow) -> Result<EventId, Failure> {
    parsed(row, "event_id", |text| uuid::Uuid::parse_str(text).ok().map(EventId))
}

/// A state.
pub(super) fn status(text: &str) -> Option<Status> {
    Status::parse(text).ok()
}

/// A topic.
pub(super) fn topic(row: &MySqlRow) -> Result<Topic, Failure> {
    parsed(row, "topic", Topic::parse)
}

/// A trace.
pub(super) fn trace_id(row: &MySqlRow) -> Result<TraceId, Failure> {
    parsed(row, "trace_id", TraceId::parse)
}
