//! The topics that events and dead letters are published to.
//!
//! Owns their names and partition counts.

use std::fmt;

use crate::operation::OperationKind;

/// A topic of the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A hold was approved.
    Authorized,
    /// A capture was accepted.
    CaptureRequested,
    /// Money was captured.
    Captured,
    /// A refund was accepted.
    RefundRequested,
    /// Money was refunded.
    Refunded,
    /// A payment ended without a capture.
    Cancelled,
    /// A negative for an authorization.
    AuthorizationFailed,
    /// A negative for a capture.
    CaptureFailed,
    /// A negative for a refund.
    RefundFailed,
    /// A negative for a void.
    CancelFailed,
    /// Records that a consumer could not process.
    PaymentDlq,
    /// Authorizations and captures that need an operator.
    SettlementDlq,
    /// Refunds and voids that need an operator.
    RefundDlq,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 13] = [
        Self::Authorized,
        Self::CaptureRequested,
        Self::Captured,
        Self::RefundRequested,
        Self::Refunded,
        Self::Cancelled,
        Self::AuthorizationFailed,
        Self::CaptureFailed,
        Self::RefundFailed,
        Self::CancelFailed,
        Self::PaymentDlq,
        Self::SettlementDlq,
        Self::RefundDlq,
    ];

    /// The topic's name, without an operator's prefix.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorized => "payment.authorized",
            Self::CaptureRequested => "payment.capture-requested",
            Self::Captured => "payment.captured",
            Self::RefundRequested => "payment.refund-requested",
            Self::Refunded => "payment.refunded",
            Self::Cancelled => "payment.cancelled",
            Self::AuthorizationFailed => "payment.authorization-failed",
            Self::CaptureFailed => "payment.capture-failed",
            Self::RefundFailed => "payment.refund-failed",
            Self::CancelFailed => "payment.cancel-failed",
            Self::PaymentDlq => "payment.dlq",
            Self::SettlementDlq => "settlement.dlq",
            Self::RefundDlq => "refund.dlq",
        }
    }

    /// The topic of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }

    /// Whether it holds dead letters.
    #[must_use]
    pub const fn is_dead_letter(self) -> bool {
        matches!(self, Self::PaymentDlq | Self::SettlementDlq | Self::RefundDlq)
    }

    /// How many partitions it has.
    #[must_use]
    pub const fn partitions(self) -> u32 {
        if self.is_dead_letter() { 3 } else { 6 }
    }

    /// The partition of a key's records in the embedded event log. Kafka's own partitioner decides there; all that
    /// both promise is that one key's records share one partition.
    #[must_use]
    pub fn partition_of(self, key: &[u8]) -> u32 {
        let hash = crate::ids::fnv1a(key);
        u32::try_from(hash % u64::from(self.partitions())).expect("a partition number is small")
    }

    /// Where dead letters of an operation go.
    #[must_use]
    pub const fn dead_letters_of(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Authorize | OperationKind::Capture => Self::SettlementDlq,
            OperationKind::Refund | OperationKind::Void => Self::RefundDlq,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
