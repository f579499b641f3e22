//! Names of things: merchants, payments, slots, operations, events, traces.
//!
//! Owns how they are formed and read. Payment ids carry the merchant's slot, so an id alone finds the database
//! shard and the node.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::InvalidText;

/// How many slots the merchants are spread over.
pub const SLOTS: u64 = 1024;

/// Payment ids stay below this: the first integer that JavaScript cannot tell from its successor.
const LIMIT: u64 = 1 << 53;

/// FNV-1a, 64 bit (<http://www.isthe.com/chongo/tech/comp/fnv/>): stable across versions and machines.
#[must_use]
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A merchant, 1–32 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MerchantId(Box<str>);

impl MerchantId {
    /// Reads a merchant id.
    ///
    /// # Errors
    /// When it is empty, longer than 32 characters or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        if text.is_empty() || text.chars().take(33).count() > 32 {
            return Err(InvalidText::Length { min: 1, max: 32 });
        }
        if text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidText::NotPrintableAscii)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The merchant's slot: FNV-1a (64 bit) of the id's bytes modulo [`SLOTS`]. All payments of a merchant share it.
    #[must_use]
    pub fn slot(&self) -> Slot {
        let hash = fnv1a(self.0.as_bytes());
        Slot(u16::try_from(hash % SLOTS).expect("a remainder of 1024 fits"))
    }
}

impl TryFrom<String> for MerchantId {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, InvalidText> {
        Self::parse(&text)
    }
}

impl From<MerchantId> for String {
    fn from(id: MerchantId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for MerchantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of [`SLOTS`] equal shares of the merchants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot's number, 0 … 1023.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// A payment: `sequence * 1024 + slot`, below 2^53 so that JavaScript reads it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct PaymentId(u64);

/// Why a number is not a [`PaymentId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a payment id: a positive integer below 2^53")]
pub struct InvalidPaymentId;

impl PaymentId {
    /// The id of the `sequence`-th payment, one of a merchant in `slot`. Sequences run from 1 to 2^43 − 1.
    ///
    /// # Panics
    /// When the sequence is so large that the id would not stay below 2^53.
    #[must_use]
    pub fn new(sequence: u64, slot: Slot) -> Self {
        assert!(sequence < LIMIT / SLOTS, "payment sequences stay below 2^43");
        Self(sequence * SLOTS + u64::from(slot.0))
    }

    /// The id as a number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }

    /// The id as a signed database integer.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        i64::try_from(self.0).expect("payment ids stay below 2^53")
    }

    /// The slot of the payment's merchant.
    #[must_use]
    pub fn slot(self) -> Slot {
        Slot(u16::try_from(self.0 % SLOTS).expect("a remainder of 1024 fits"))
    }
}

impl TryFrom<u64> for PaymentId {
    type Error = InvalidPaymentId;

    fn try_from(value: u64) -> Result<Self, InvalidPaymentId> {
        if (1..LIMIT).contains(&value) { Ok(Self(value)) } else { Err(InvalidPaymentId) }
    }
}

impl TryFrom<i64> for PaymentId {
    type Error = InvalidPaymentId;

    fn try_from(value: i64) -> Result<Self, InvalidPaymentId> {
        u64::try_from(value).map_err(|_| InvalidPaymentId)?.try_into()
    }
}

impl From<PaymentId> for u64 {
    fn from(id: PaymentId) -> Self {
        id.0
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of an operation within its payment; the authorization is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationNo(pub u32);

impl OperationNo {
    /// The authorization's number.
    pub const AUTHORIZATION: Self = Self(1);

    /// The next number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for OperationNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One PG key of an operation, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The first attempt.
    pub const FIRST: Self = Self(1);

    /// The next attempt.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A payment's version: the number of its latest transition, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// Before the first transition.
    pub const NONE: Self = Self(0);

    /// The next version.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The identity of an event, the same whenever it is published again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    const NAMESPACE: Uuid = Uuid::from_u128(0x7b3c_2f1e_5a44_4d0b_9c66_1f0e_8a27_d951);

    /// The id of a payment's `seq`-th event: a version-5 UUID (RFC 9562) of both.
    #[must_use]
    pub fn of(payment_id: PaymentId, seq: u64) -> Self {
        Self(Uuid::new_v5(&Self::NAMESPACE, format!("{payment_id}:{seq}").as_bytes()))
    }

    /// The id of the record that publishes a dead letter.
    #[must_use]
    pub fn of_dead_letter(letter_id: &str) -> Self {
        Self(Uuid::new_v5(&Self::NAMESPACE, format!("dead-letter:{letter_id}").as_bytes()))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A W3C trace id: 32 lower-case hexadecimal digits, not all zero
/// (<https://www.w3.org/TR/trace-context/#trace-id>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(u128);

impl TraceId {
    /// The trace id of a number that is not zero; zero becomes one.
    #[must_use]
    pub fn new(value: u128) -> Self {
        Self(value.max(1))
    }

    /// Reads the 32 hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u128::from_str_radix(text, 16) {
            Ok(value) if text.len() == 32 && lower_hex && value != 0 => Some(Self(value)),
            Ok(_) | Err(_) => None,
        }
    }

    /// The `traceparent` header of a span in this trace
    /// (<https://www.w3.org/TR/trace-context/#traceparent-header>).
    #[must_use]
    pub fn traceparent(self, span: u64) -> String {
        format!("00-{self}-{:016x}-01", span.max(1))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("must be 32 lower-case hexadecimal digits, not all zero"))
    }
}
