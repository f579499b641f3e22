//! Currencies by ISO 4217.
//!
//! Owns the rule which currencies a payment may use: those with a defined minor-unit exponent. The list itself
//! is the `iso_currency` library's.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ISO 4217 currency with a defined exponent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// Why a text is not a [`Currency`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 currency code in capitals with a defined minor unit, such as USD or KRW")]
pub struct InvalidCurrency;

impl Currency {
    /// The currency of an alphabetic code in capitals.
    ///
    /// # Errors
    /// When the code is unknown, or has no minor unit (funds codes, metals, XXX, XTS).
    pub fn parse(code: &str) -> Result<Self, InvalidCurrency> {
        let known = iso_currency::Currency::from_code(code).ok_or(InvalidCurrency)?;
        let in_capitals = known.code() == code;
        match known.exponent() {
            Some(_) if in_capitals => Ok(Self(known)),
            Some(_) | None => Err(InvalidCurrency),
        }
    }

    /// The alphabetic code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal digits the minor unit has: 2 for USD, 0 for KRW, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u16 {
        self.0.exponent().expect("a currency without exponent is refused by parse")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&code).map_err(serde::de::Error::custom)
    }
}
