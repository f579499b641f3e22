//! Money as integer minor units.
//!
//! Owns the two money types: [`Amount`], which is never zero, and [`Minor`], which may be. Never holds a
//! fraction, never knows a currency.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// The largest amount a request may carry, in minor units.
pub const MAX_AMOUNT: u64 = 9_999_999_999_999;

/// A positive amount in minor units, 1 … [`MAX_AMOUNT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(NonZeroU64);

/// Why a number is not an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an integer from 1 to {MAX_AMOUNT}")]
pub struct InvalidAmount;

impl Amount {
    /// The amount in minor units.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// The amount as a signed database integer; lossless because of [`MAX_AMOUNT`].
    #[must_use]
    pub fn as_i64(self) -> i64 {
        Minor::from(self).as_i64()
    }
}

impl TryFrom<u64> for Amount {
    type Error = InvalidAmount;

    fn try_from(value: u64) -> Result<Self, InvalidAmount> {
        match NonZeroU64::new(value) {
            Some(amount) if value <= MAX_AMOUNT => Ok(Self(amount)),
            Some(_) | None => Err(InvalidAmount),
        }
    }
}

impl TryFrom<i64> for Amount {
    type Error = InvalidAmount;

    fn try_from(value: i64) -> Result<Self, InvalidAmount> {
        u64::try_from(value).map_err(|_| InvalidAmount)?.try_into()
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> Self {
        amount.get()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A sum in minor units that may be zero: what was captured or refunded so far. Bounded by [`MAX_AMOUNT`]
/// because neither can exceed the authorized amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minor(u64);

impl Minor {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum in minor units.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The sum as a signed database integer.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        i64::try_from(self.0).expect("sums of one payment stay below 2^63")
    }

    /// This sum and one more amount.
    #[must_use]
    pub fn plus(self, amount: Amount) -> Self {
        Self(self.0 + amount.get())
    }

    /// What is left of this sum after `taken`; `None` when `taken` is more.
    #[must_use]
    pub fn minus(self, taken: Self) -> Option<Self> {
        self.0.checked_sub(taken.0).map(Self)
    }

    /// The same value as an [`Amount`]; `None` for zero.
    #[must_use]
    pub fn as_amount(self) -> Option<Amount> {
        Amount::try_from(self.0).ok()
    }
}

impl From<Amount> for Minor {
    fn from(amount: Amount) -> Self {
        Self(amount.get())
    }
}

impl TryFrom<i64> for Minor {
    type Error = InvalidAmount;

    fn try_from(value: i64) -> Result<Self, InvalidAmount> {
        u64::try_from(value).map(Self).map_err(|_| InvalidAmount)
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
