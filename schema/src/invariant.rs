//! The catalogue of invariants.
//!
//! Owns the ids that code, metrics, tests and documents share, and each one's sentence. Never checks them itself.

/// What must always hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Invariant {
    /// Money moved at the PG once per operation, and the database agrees.
    I1 = 1,
    /// Amounts stay within one another.
    I2,
    /// The ledger balances.
    I3,
    /// Nothing acknowledged is lost.
    I4,
    /// Nothing is forgotten.
    I5,
    /// Only edges of the state machine.
    I6,
    /// Events are gapless.
    I7,
    /// Effects happen once.
    I8,
    /// Replays are identical.
    I9,
    /// Unknown outcomes end only by the PG's record or an operator.
    I10,
    /// Replaying a dead letter twice has the effect of once.
    I11,
    /// Merchants never see each other.
    I12,
    /// No secrets, keys or card-like numbers are written.
    I13,
    /// Everything drains after faults end.
    I14,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Self; 14] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
        Self::I9,
        Self::I10,
        Self::I11,
        Self::I12,
        Self::I13,
        Self::I14,
    ];

    /// The id, `I1` … `I14`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I3 => "I3",
            Self::I4 => "I4",
            Self::I5 => "I5",
            Self::I6 => "I6",
            Self::I7 => "I7",
            Self::I8 => "I8",
            Self::I9 => "I9",
            Self::I10 => "I10",
            Self::I11 => "I11",
            Self::I12 => "I12",
            Self::I13 => "I13",
            Self::I14 => "I14",
        }
    }

    /// The invariant in one sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::I1 => "the pg approved each operation at most once, and its record equals the database's",
            Self::I2 => "captured is at most authorized, refunded and open refunds are at most captured",
            Self::I3 => "every ledger transaction balances, and entries equal what was captured and refunded",
            Self::I4 => "every success given to a client is found later",
            Self::I5 => {
                "every payment rests, is terminal, or has an open operation that somebody looks after"
            }
            Self::I6 => "only edges of the state machine, versions gapless, terminal states final",
            Self::I7 => "event sequence numbers found in the topics are gapless, and rise within one topic",
            Self::I8 => "each consumer's effect happens once",
            Self::I9 => "a stored answer is replayed byte for byte, another command under its key is refused",
            Self::I10 => "an unknown pg outcome ends only by the pg's record or an audited operator act",
            Self::I11 => "replaying a dead letter twice has the effect of once",
            Self::I12 => "no answer carries another merchant's data",
            Self::I13 => "no secret, key or card-like number is written anywhere",
            Self::I14 => "after faults end, every queue drains and memory returns to its base",
        }
    }
}
