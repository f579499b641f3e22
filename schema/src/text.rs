//! Bounded texts that clients send: idempotency keys, order ids, reasons, metadata.
//!
//! Owns their limits. Every one of them is refused when it holds a card-like number, so that none is ever
//! stored, logged or published.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::card_number;

/// Why a text was refused; reads as the end of a sentence about the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Shorter or longer than allowed, counted in characters.
    #[error("must have {min} to {max} characters")]
    Length {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// A character outside printable ASCII.
    #[error("must be printable ASCII")]
    NotPrintableAscii,
    /// A control character in free text.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Looks like a card number.
    #[error("must not contain a card number")]
    CardNumber,
    /// Too many metadata entries.
    #[error("must have at most {0} entries")]
    TooManyEntries(usize),
    /// A metadata key or value is at fault.
    #[error("entry {key:?} {problem}")]
    Entry {
        /// The entry's key, shortened.
        key: String,
        /// What is wrong with its key or value.
        problem: Box<InvalidText>,
    },
}

fn check_length(text: &str, min: usize, max: usize) -> Result<(), InvalidText> {
    // Counting stops early so that a huge text costs no more than a long one.
    let length = text.chars().take(max + 1).count();
    if (min..=max).contains(&length) { Ok(()) } else { Err(InvalidText::Length { min, max }) }
}

fn check_printable_ascii(text: &str) -> Result<(), InvalidText> {
    let printable = text.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if printable { Ok(()) } else { Err(InvalidText::NotPrintableAscii) }
}

fn check_no_control(text: &str) -> Result<(), InvalidText> {
    if text.chars().any(char::is_control) { Err(InvalidText::ControlCharacter) } else { Ok(()) }
}

fn check_no_card(text: &str) -> Result<(), InvalidText> {
    if card_number::is_present_in(text) { Err(InvalidText::CardNumber) } else { Ok(()) }
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $min:literal ..= $max:literal, $($check:ident),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads and checks the text.
            ///
            /// # Errors
            /// When it breaks one of the type's limits.
            pub fn parse(text: &str) -> Result<Self, InvalidText> {
                check_length(text, $min, $max)?;
                $($check(text)?;)+
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidText;

            fn try_from(text: String) -> Result<Self, InvalidText> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bounded_text!(
    /// The client's name for one command, unique per merchant over all operations.
    IdempotencyKey, 1..=64, check_printable_ascii, check_no_card
);
bounded_text!(
    /// The merchant's own order number.
    OrderId, 1..=64, check_no_control, check_no_card
);
bounded_text!(
    /// Why a refund or cancel was asked for; the only free text that travels in events.
    Reason, 1..=128, check_no_control, check_no_card
);
bounded_text!(
    /// What the owner of an API key calls it, such as the person or program that has it.
    KeyLabel, 1..=64, check_no_control, check_no_card
);

/// Enough of a key to find it; one that looks like a card number is not repeated to anybody.
fn shown_key(key: &str) -> String {
    if card_number::is_present_in(key) { "…".to_owned() } else { key.chars().take(40).collect() }
}

/// The merchant's own notes: at most 20 entries, keys up to 40 and values up to 500 characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    const MOST_ENTRIES: usize = 20;

    /// Checks the entries.
    ///
    /// # Errors
    /// When there are too many, or a key or value breaks its limits.
    pub fn parse(entries: BTreeMap<String, String>) -> Result<Self, InvalidText> {
        if entries.len() > Self::MOST_ENTRIES {
            return Err(InvalidText::TooManyEntries(Self::MOST_ENTRIES));
        }
        for (key, value) in &entries {
            Self::check_entry(key, value)
                .map_err(|problem| InvalidText::Entry { key: shown_key(key), problem: Box::new(problem) })?;
        }
        Ok(Self(entries))
    }

    fn check_entry(key: &str, value: &str) -> Result<(), InvalidText> {
        check_length(key, 1, 40)?;
        check_no_control(key)?;
        check_no_card(key)?;
        check_length(value, 0, 500)?;
        check_no_card(value)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries by key.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}
