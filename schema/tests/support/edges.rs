//! The edges of the state machine as the rules list them, written down apart from the code under test.

use payment_schema::status::Status;

use Status::{
    AuthFailed, Authorized, Cancelled, CaptureFailed, CaptureRequested, Captured, PartialRefunded, Ready,
    RefundFailed, RefundRequested, Refunded,
};

/// Every change of state that may happen.
pub(crate) const CHANGES: [(Status, Status); 18] = [
    (Ready, Authorized),
    (Ready, AuthFailed),
    (Ready, Cancelled),
    (Authorized, CaptureRequested),
    (Authorized, Cancelled),
    (CaptureFailed, Cancelled),
    (CaptureRequested, Captured),
    (CaptureRequested, CaptureFailed),
    (CaptureFailed, CaptureRequested),
    (CaptureFailed, Authorized),
    (Captured, RefundRequested),
    (PartialRefunded, RefundRequested),
    (RefundRequested, Refunded),
    (RefundRequested, PartialRefunded),
    (RefundRequested, RefundFailed),
    (RefundFailed, RefundRequested),
    (RefundFailed, Captured),
    (RefundFailed, PartialRefunded),
];

/// States that never change again.
pub(crate) const TERMINAL: [Status; 3] = [AuthFailed, Cancelled, Refunded];

/// Whether one row of a payment's history may go from `from` to `to`.
pub(crate) fn is_edge(from: Status, to: Status) -> bool {
    if from == to { !TERMINAL.contains(&from) } else { CHANGES.contains(&(from, to)) }
}
