//! Captures and refunds counted by how they go, read off the committed transitions.

use payment_schema::status::Status;

/// Which counter a transition belongs to, and under which outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Settlement(&'static str),
    Refund(&'static str),
}

/// The step that a transition is for its capture or refund, if it is one.
pub(super) fn step(from: Option<Status>, to: Status) -> Option<Step> {
    use Status::{
        Authorized, CaptureFailed, CaptureRequested, Captured, PartialRefunded, RefundFailed,
        RefundRequested, Refunded,
    };
    let step = match (from?, to) {
        (Authorized, CaptureRequested) => Step::Settlement("accepted"),
        (CaptureFailed, CaptureRequested) => Step::Settlement("retried"),
        (CaptureRequested, Captured) => Step::Settlement("approved"),
        (CaptureRequested, CaptureFailed) => Step::Settlement("failed"),
        (CaptureFailed, Authorized) => Step::Settlement("given-up"),
        (Captured | PartialRefunded, RefundRequested) => Step::Refund("accepted"),
        (RefundFailed, RefundRequested) => Step::Refund("retried"),
        (RefundRequested, Refunded | PartialRefunded) => Step::Refund("approved"),
        (RefundRequested, RefundFailed) => Step::Refund("failed"),
        (RefundFailed, Captured | PartialRefunded) => Step::Refund("given-up"),
        (_, _) => return None,
    };
    Some(step)
}
