//! One step of a payment's history.
//!
//! Owns the append-only record of a change. Rows are written once, by the journal, and never changed.

use crate::cause::Cause;
use crate::ids::{Attempt, OperationNo, TraceId, Version};
use crate::status::Status;
use crate::time::Timestamp;

/// A change of state, amount, PG outcome or intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The payment's version from then on.
    pub version: Version,
    /// The state before; `None` for the first.
    pub from: Option<Status>,
    /// The state after; the same as before when only an outcome or an intent was recorded.
    pub to: Status,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// The operation it concerns.
    pub operation_no: OperationNo,
    /// That operation's attempt.
    pub attempt: Attempt,
}
