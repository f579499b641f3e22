//! What must be done once a decision is committed.
//!
//! Owns effects as values. The payment actor runs them after the commit and only then; losing one is harmless,
//! because the payment's due moment brings it back.

use crate::ids::OperationNo;
use crate::time::Timestamp;

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Send the operation's current attempt to the PG now.
    Send(OperationNo),
    /// Send the same attempt again after a delay: it was refused before it was written.
    SendLater(OperationNo),
    /// Ask the PG now what became of the attempt.
    Query(OperationNo),
    /// Ask after a delay.
    QueryLater(OperationNo),
    /// Start the next attempt at this moment.
    RetryAt(OperationNo, Timestamp),
}
