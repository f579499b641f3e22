//! Tells whether two commands under one idempotency key are the same command.
//!
//! Owns the fingerprint: SHA-256 over the operation, the payment and the parsed command after defaults, without
//! the key. Never used for anything secret.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ids::PaymentId;

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
