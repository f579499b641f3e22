//! API keys: what they are for, how their secret looks, and what is kept of it.
//!
//! Owns the secret's form and its digest. A secret is seen once, by whoever it was made for; everything else works
//! with its digest. Never draws the randomness it is made of, and never decides what a key may do.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ids::MerchantId;
use crate::text::KeyLabel;
use crate::time::Timestamp;

/// Whom a key speaks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyScope {
    /// One merchant, at the payments API.
    Merchant(MerchantId),
    /// Operators, at the operator API.
    Operator,
}

impl KeyScope {
    /// The scope of a record: a merchant's, or without one the operators'.
    #[must_use]
    pub fn of(merchant_id: Option<MerchantId>) -> Self {
        merchant_id.map_or(Self::Operator, Self::Merchant)
    }

    /// The merchant, if it is one's.
    #[must_use]
    pub const fn merchant_id(&self) -> Option<&MerchantId> {
        match self {
            Self::Merchant(id) => Some(id),
            Self::Operator => None,
        }
    }

    /// What a secret of this scope begins with, so that whoever finds one knows what it opens.
    const fn prefix(&self) -> &'static str {
        match self {
            Self::Merchant(_) => "pk_",
            Self::Operator => "ok_",
        }
    }
}

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Merchant(id) => write!(f, "merchant {id}"),
            Self::Operator => f.write_str("operators"),
        }
    }
}

/// A key as whoever uses it sends it. Neither `Debug` nor anything else prints it; [`KeySecret::reveal`] says where
/// it is shown on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(Box<str>);

/// A text that cannot be a key's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have {} to {} characters out of A–Z, a–z, 0–9 and -._~+/=",
    KeySecret::SHORTEST,
    KeySecret::LONGEST
)]
pub struct InvalidSecret;

impl KeySecret {
    /// Below this a digest could be searched for; a made one has 256 random bits.
    const SHORTEST: usize = 32;
    const LONGEST: usize = 256;

    /// The secret of a new key. `entropy` must be fit for secrets.
    #[must_use]
    pub fn made_of(scope: &KeyScope, entropy: &[u8; 32]) -> Self {
        Self(format!("{}{}", scope.prefix(), hexadecimal(entropy)).into())
    }

    /// Reads a secret that somebody else made.
    ///
    /// # Errors
    /// When it is too short, or could not be sent as a bearer token
    /// (<https://www.rfc-editor.org/rfc/rfc6750#section-2.1>).
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let sendable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let fits = (Self::SHORTEST..=Self::LONGEST).contains(&text.len()) && text.bytes().all(sendable);
        if fits { Ok(Self(text.into())) } else { Err(InvalidSecret) }
    }

    /// The secret itself; for sending it, or for showing it to whom it was made for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.0)
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret(hidden)")
    }
}

/// SHA-256 of a secret. Nothing slower is needed: there is no list of likely secrets to try when a secret is 256
/// random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyDigest(pub [u8; 32]);

impl KeyDigest {
    /// The digest of whatever was sent as a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }
}

/// A key's name in lists, logs and the audit: the first 16 hexadecimal digits of its digest, which tell nothing
/// about its secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(Box<str>);

impl KeyId {
    const DIGITS: usize = 16;

    /// Reads an id; `None` when it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == Self::DIGITS && text.bytes().all(is_digit)).then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&KeyDigest> for KeyId {
    fn from(digest: &KeyDigest) -> Self {
        Self(hexadecimal(&digest.0[..Self::DIGITS / 2]).into())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Whom it speaks for.
    pub scope: KeyScope,
    /// What its owner calls it.
    pub label: Option<KeyLabel>,
    /// How it is recognised.
    pub digest: KeyDigest,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is refused.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::from(&self.digest)
    }

    /// Who acts with it, for the audit: the label, if there is one, and always the id.
    #[must_use]
    pub fn holder(&self) -> String {
        match &self.label {
            Some(label) => format!("{label} (key {})", self.id()),
            None => format!("key {}", self.id()),
        }
    }
}
