//! Tells whether two commands under one idempotency key are the same command.
//!
//! Owns the fingerprint: SHA-256 over the operation, the payment and the parsed command after defaults, without
//! the key; and the digest that names a merchant's key in few bytes. Never used for anything secret.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ids::{MerchantId, PaymentId};
use crate::text::IdempotencyKey;

/// A command's fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a command; `payment_id` is absent for an authorization.
    #[must_use]
    pub fn of<C: Serialize>(operation: &str, payment_id: Option<PaymentId>, command: &C) -> Self {
        let text = serde_json::to_vec(&(operation, payment_id, command))
            .expect("a command holds nothing that JSON cannot");
        Self(Sha256::digest(&text).into())
    }
}

/// A merchant's key in few bytes, for indexes: the first half of the SHA-256 of merchant, a zero byte and key.
///
/// Two keys would have to agree in 128 bits of a cryptographic hash to be taken for each other. Whoever finds it
/// stored has merchant and key beside it to compare, so even that would refuse a command and never repeat one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimDigest(pub [u8; 16]);

impl ClaimDigest {
    /// The digest of a merchant's key.
    #[must_use]
    pub fn of(merchant_id: &MerchantId, key: &IdempotencyKey) -> Self {
        Self::of_texts(merchant_id.as_str(), key.as_str())
    }

    /// The same, as a table has them.
    #[must_use]
    pub fn of_texts(merchant_id: &str, key: &str) -> Self {
        let text = [merchant_id.as_bytes(), &[0], key.as_bytes()].concat();
        let digest: [u8; 32] = Sha256::digest(&text).into();
        let (short, _) = digest.split_first_chunk().expect("32 bytes begin with 16");
        Self(*short)
    }
}
