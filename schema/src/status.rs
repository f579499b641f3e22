//! The eleven states of a payment.
//!
//! Owns their names and which of them are terminal or resting. The edges between them are [`crate::decide`]'s.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Accepted and persisted; the PG has not answered yet.
    Ready,
    /// The PG holds the money.
    Authorized,
    /// The PG recorded a negative for the authorization. Terminal.
    AuthFailed,
    /// A capture is under way.
    CaptureRequested,
    /// The money was captured.
    Captured,
    /// The latest try of the capture failed; another follows, or an operator decides.
    CaptureFailed,
    /// A refund is under way.
    RefundRequested,
    /// All captured money was refunded. Terminal.
    Refunded,
    /// Part of the captured money was refunded.
    PartialRefunded,
    /// The latest try of a refund failed; another follows, or an operator decides.
    RefundFailed,
    /// The hold was voided. Terminal.
    Cancelled,
}

/// Why a text is not a [`Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of the payment states, such as AUTHORIZED or PARTIAL_REFUNDED")]
pub struct InvalidStatus;

impl Status {
    /// Every state, in the order of a payment's life.
    pub const ALL: [Self; 11] = [
        Self::Ready,
        Self::Authorized,
        Self::AuthFailed,
        Self::CaptureRequested,
        Self::Captured,
        Self::CaptureFailed,
        Self::RefundRequested,
        Self::Refunded,
        Self::PartialRefunded,
        Self::RefundFailed,
        Self::Cancelled,
    ];

    /// The state's name on the outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Authorized => "AUTHORIZED",
            Self::AuthFailed => "AUTH_FAILED",
            Self::CaptureRequested => "CAPTURE_REQUESTED",
            Self::Captured => "CAPTURED",
            Self::CaptureFailed => "CAPTURE_FAILED",
            Self::RefundRequested => "REFUND_REQUESTED",
            Self::Refunded => "REFUNDED",
            Self::PartialRefunded => "PARTIAL_REFUNDED",
            Self::RefundFailed => "REFUND_FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The state of a name.
    ///
    /// # Errors
    /// When no state has that name.
    pub fn parse(name: &str) -> Result<Self, InvalidStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == name).ok_or(InvalidStatus)
    }

    /// Nothing can ever change a payment in this state.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::AuthFailed | Self::Cancelled | Self::Refunded => true,
            Self::Ready
            | Self::Authorized
            | Self::CaptureRequested
            | Self::Captured
            | Self::CaptureFailed
            | Self::RefundRequested
            | Self::PartialRefunded
            | Self::RefundFailed => false,
        }
    }

    /// The payment waits for the merchant (unless an operation is open beside it).
    #[must_use]
    pub const fn is_resting(self) -> bool {
        match self {
            Self::Authorized | Self::Captured | Self::PartialRefunded => true,
            Self::Ready
            | Self::AuthFailed
            | Self::CaptureRequested
            | Self::CaptureFailed
            | Self::RefundRequested
            | Self::Refunded
            | Self::RefundFailed
            | Self::Cancelled => false,
        }
    }

    /// Whether `self → to` is an edge of the state machine; `self → self` is allowed where an outcome or an
    /// intent may be recorded, which a terminal state never does.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        match self {
            Self::Ready => matches!(to, Self::Ready | Self::Authorized | Self::AuthFailed | Self::Cancelled),
            Self::Authorized => matches!(to, Self::Authorized | Self::CaptureRequested | Self::Cancelled),
            Self::CaptureRequested => {
                matches!(to, Self::CaptureRequested | Self::Captured | Self::CaptureFailed)
            }
            Self::CaptureFailed => {
                matches!(
                    to,
                    Self::CaptureFailed | Self::CaptureRequested | Self::Authorized | Self::Cancelled
                )
            }
            Self::Captured => matches!(to, Self::Captured | Self::RefundRequested),
            Self::PartialRefunded => matches!(to, Self::PartialRefunded | Self::RefundRequested),
            Self::RefundRequested => {
                matches!(
                    to,
                    Self::RefundRequested | Self::Refunded | Self::PartialRefunded | Self::RefundFailed
                )
            }
            Self::RefundFailed => {
                matches!(
                    to,
                    Self::RefundFailed | Self::RefundRequested | Self::Captured | Self::PartialRefunded
                )
            }
            Self::AuthFailed | Self::Refunded | Self::Cancelled => false,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
