//! What the gateway answers about an operation, and the identifiers it gives out.
//!
//! The same value is sent, written to the record and read back for replays. It never decides anything.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::operation::{Operation, OperationKey};

/// How far an operation is. Everything but `Processing` is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Processing,
    Approved,
    /// Refused by rule or by the issuer; asking again under a new key will not help.
    Declined,
    /// Went wrong at the gateway; may be asked again under a new key.
    Failed,
}

/// Why an operation ended as it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ResponseCode {
    Processing,
    Approved,
    InsufficientFunds,
    DoNotHonor,
    ProcessingError,
    AuthorizationVoided,
    NoSuchHold,
    HoldVoided,
    HoldExpired,
    AlreadyCaptured,
    NotCaptured,
    AmountExceedsAuthorized,
    AmountExceedsRefundable,
}

impl ResponseCode {
    /// The sentence that goes with the code.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Processing => "the operation is still being processed",
            Self::Approved => "approved",
            Self::InsufficientFunds => "the issuer declined: insufficient funds",
            Self::DoNotHonor => "the issuer declined without a reason",
            Self::ProcessingError => "the gateway failed to process the operation, try again under a new key",
            Self::AuthorizationVoided => "the authorization was voided by its key before it was approved",
            Self::NoSuchHold => "no open hold of this payment, merchant and currency is known",
            Self::HoldVoided => "the hold was voided",
            Self::HoldExpired => "the hold expired",
            Self::AlreadyCaptured => "the hold was captured already",
            Self::NotCaptured => "the hold was never captured",
            Self::AmountExceedsAuthorized => "the amount is more than was authorized",
            Self::AmountExceedsRefundable => "the amount is more than is left to refund",
        }
    }

    /// The final status that the code belongs to.
    pub(super) const fn status(self) -> Status {
        match self {
            Self::Processing => Status::Processing,
            Self::Approved => Status::Approved,
            Self::ProcessingError => Status::Failed,
            Self::InsufficientFunds
            | Self::DoNotHonor
            | Self::AuthorizationVoided
            | Self::NoSuchHold
            | Self::HoldVoided
            | Self::HoldExpired
            | Self::AlreadyCaptured
            | Self::NotCaptured
            | Self::AmountExceedsAuthorized
            | Self::AmountExceedsRefundable => Status::Declined,
        }
    }
}

/// An approved authorization's hold, numbered from 1 in the order of approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HoldId(pub(super) u64);

/// Names an approved operation: `txn-000000000042` is the authorization that made hold 42, and
/// `txn-000000000042.77` what was done to that hold in record entry 77. Only the former names a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TransactionId {
    pub(super) hold: HoldId,
    pub(super) entry: Option<u64>,
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "txn-{:012}", self.hold.0)?;
        match self.entry {
            Some(entry) => write!(f, ".{entry}"),
            None => Ok(()),
        }
    }
}

/// The text is no identifier that this gateway gave out.
#[derive(Debug, thiserror::Error)]
#[error("not an identifier of this gateway")]
pub(super) struct UnknownIdentifier;

impl FromStr for TransactionId {
    type Err = UnknownIdentifier;

    fn from_str(text: &str) -> Result<Self, UnknownIdentifier> {
        let numbers = text.strip_prefix("txn-").ok_or(UnknownIdentifier)?;
        let (hold, entry) = match numbers.split_once('.') {
            Some((hold, entry)) => (hold, Some(entry.parse().map_err(|_| UnknownIdentifier)?)),
            None => (numbers, None),
        };
        let id = Self { hold: HoldId(hold.parse().map_err(|_| UnknownIdentifier)?), entry };
        // Only the exact spelling that was given out: `txn-42` or `txn-+00000000042` is a stranger.
        if id.to_string() == text { Ok(id) } else { Err(UnknownIdentifier) }
    }
}

/// The number a merchant quotes for an approval: the record entry, in ten digits or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ApprovalNumber(pub(super) u64);

impl fmt::Display for ApprovalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

impl FromStr for ApprovalNumber {
    type Err = UnknownIdentifier;

    fn from_str(text: &str) -> Result<Self, UnknownIdentifier> {
        text.parse().map(Self).map_err(|_| UnknownIdentifier)
    }
}

/// Three capital letters; whether such a currency exists is for the merchant's side to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Currency([u8; 3]);

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl FromStr for Currency {
    type Err = UnknownIdentifier;

    fn from_str(text: &str) -> Result<Self, UnknownIdentifier> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| UnknownIdentifier)?;
        if letters.iter().all(u8::is_ascii_uppercase) { Ok(Self(letters)) } else { Err(UnknownIdentifier) }
    }
}

/// JSON strings for identifiers: printed without an allocation, read back through `FromStr`.
macro_rules! text_in_json {
    ($($identifier:ty),+) => {$(
        impl Serialize for $identifier {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $identifier {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

text_in_json!(TransactionId, ApprovalNumber, Currency, OperationKey);

/// Everything the gateway says about an operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    pub(super) key: OperationKey,
    pub(super) operation: Operation,
    pub(super) payment_id: u64,
    #[serde(borrow)]
    pub(super) merchant_id: Cow<'a, str>,
    pub(super) status: Status,
    /// Minor units, as asked.
    pub(super) amount: u64,
    pub(super) currency: Currency,
    pub(super) transaction_id: Option<TransactionId>,
    pub(super) approval_number: Option<ApprovalNumber>,
    pub(super) response_code: ResponseCode,
    /// Kept as text in the record, so that a replay repeats the words that were sent.
    #[serde(borrow)]
    pub(super) response_message: Cow<'a, str>,
    pub(super) retryable: bool,
    /// When an approved authorization lets go of the money; null for everything else.
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// When the answer was recorded; for `processing`, when the operation arrived.
    pub(super) at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_print_as_they_were_read() {
        for text in ["txn-000000000042", "txn-000000000042.77", "txn-1234567890123"] {
            assert_eq!(text.parse::<TransactionId>().expect("an id").to_string(), text);
        }
        for text in
            ["", "txn-", "txn-42", "txn-+00000000042", "txn-000000000042.", "txn-000000000042.07", "x"]
        {
            assert!(text.parse::<TransactionId>().is_err(), "{text} passed for a transaction");
        }
        for text in ["", "kr", "KR", "krw", "KRW ", "K W", "KRWX", "ÄB"] {
            assert!(text.parse::<Currency>().is_err(), "{text} passed for a currency");
        }
        assert_eq!("KRW".parse::<Currency>().expect("a currency").to_string(), "KRW");
    }
}
