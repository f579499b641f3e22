//! What an operation is called: its kind and its key `{paymentId}:{operation}:{operationNo}:{attempt}`.
//!
//! Owns parsing, printing and the packed form of keys. It never judges whether an operation is allowed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Largest payment id: the largest integer that every JSON reader keeps exact (RFC 8259 §6).
const MAX_PAYMENT_ID: u64 = (1 << 53) - 1;
/// Operation numbers share one word with the attempt and the kind; thirty bits are left for them.
const MAX_OPERATION_NO: u32 = (1 << 30) - 1;

/// What a payment gateway can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Operation {
    Authorize,
    Capture,
    Refund,
    Void,
}

impl Operation {
    pub(super) const ALL: [Self; 4] = [Self::Authorize, Self::Capture, Self::Refund, Self::Void];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Void => "void",
        }
    }

    /// The operation of that name, as it stands in paths, keys and fault scripts.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

/// Names one attempt of one operation of one payment, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct OperationKey {
    pub(super) payment_id: u64,
    pub(super) operation: Operation,
    pub(super) operation_no: u32,
    pub(super) attempt: u32,
}

impl OperationKey {
    /// The key in sixteen bytes, exact: the index holds millions of them.
    pub(super) fn packed(&self) -> (u64, u64) {
        let word = u64::from(self.operation_no) << 34 | u64::from(self.attempt) << 2 | self.operation as u64;
        (self.payment_id, word)
    }
}

/// The text is not an operation key.
#[derive(Debug, thiserror::Error)]
#[error(
    "not of the form {{paymentId}}:{{operation}}:{{operationNo}}:{{attempt}}, for example 1024:authorize:1:1"
)]
pub(super) struct NotAKey;

impl FromStr for OperationKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or(NotAKey);
        let key = Self {
            payment_id: positive(part()?, &MAX_PAYMENT_ID)?,
            operation: Operation::from_name(part()?).ok_or(NotAKey)?,
            operation_no: positive(part()?, &MAX_OPERATION_NO)?,
            attempt: positive(part()?, &u32::MAX)?,
        };
        if parts.next().is_some() { Err(NotAKey) } else { Ok(key) }
    }
}

/// A number from 1 to `max` as one would print it: a key spelled `01` would be another key to a text
/// comparison and the same one here.
fn positive<N: FromStr + PartialOrd>(text: &str, max: &N) -> Result<N, NotAKey> {
    let canonical = !text.starts_with(['0', '+']);
    let number = text.parse().map_err(|_| NotAKey)?;
    if canonical && number <= *max { Ok(number) } else { Err(NotAKey) }
}

impl fmt::Display for OperationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.payment_id, self.operation.name(), self.operation_no, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_print_as_they_were_read() {
        for text in ["1:authorize:1:1", "9007199254740991:void:1073741823:4294967295", "1024:refund:3:10"] {
            assert_eq!(text.parse::<OperationKey>().expect("a key").to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "1",
            "1:authorize:1",
            "1:authorize:1:1:1",
            "0:authorize:1:1",
            "1:authorize:0:1",
            "1:authorize:1:0",
            "01:authorize:1:1",
            "+1:authorize:1:1",
            "-1:authorize:1:1",
            "1:Authorize:1:1",
            "1:settle:1:1",
            "1:authorize:1:1 ",
            "9007199254740992:authorize:1:1",
            "1:authorize:1073741824:1",
            "1:authorize:1:4294967296",
        ] {
            assert!(text.parse::<OperationKey>().is_err(), "{text} passed for a key");
        }
    }

    #[test]
    fn packing_keeps_keys_apart() {
        let keys: Vec<OperationKey> =
            ["1:authorize:1:1", "1:capture:1:1", "1:capture:2:1", "1:capture:1:2", "2:capture:1:1"]
                .iter()
                .map(|text| text.parse().expect("a key"))
                .collect();
        let packed: std::collections::HashSet<_> = keys.iter().map(OperationKey::packed).collect();
        assert_eq!(packed.len(), keys.len());
    }
}
