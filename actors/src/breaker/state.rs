//! The states of a breaker.

/// Whether calls are permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass and are judged.
    Closed,
    /// Calls are refused until the open time is over.
    Open,
    /// A few probes pass and decide.
    HalfOpen,
    /// Calls pass and are not judged, by an operator's command.
    Disabled,
    /// Calls are refused, by an operator's command.
    ForcedOpen,
    /// Probes pass and decide nothing, by an operator's command.
    ForcedHalfOpen,
}

impl BreakerState {
    /// The state's name on the outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
            Self::Disabled => "DISABLED",
            Self::ForcedOpen => "FORCED_OPEN",
            Self::ForcedHalfOpen => "FORCED_HALF_OPEN",
        }
    }

    /// The state's code in metrics.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Open => 1,
            Self::HalfOpen => 2,
            Self::Disabled => 3,
            Self::ForcedOpen => 4,
            Self::ForcedHalfOpen => 5,
        }
    }
}
