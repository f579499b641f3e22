//! Randomness that one seed determines, and that seed from the operating system.

use std::fs::File;
use std::io::Read;

use parking_lot::Mutex;
use payment_actors::ports::random::Random;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers shared by all who draw from it. Not for secrets.
pub struct SeededRandom(Mutex<ChaCha8Rng>);

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no randomness: /dev/urandom: {0}")]
pub struct NoEntropy(#[from] std::io::Error);

impl SeededRandom {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Mutex::new(ChaCha8Rng::from_seed(seed)))
    }

    /// A stream nobody can foresee.
    ///
    /// # Errors
    /// When the operating system gives no seed.
    pub fn from_os() -> Result<Self, NoEntropy> {
        os_entropy().map(Self::new)
    }
}

/// 256 bits from the operating system, fit for secrets.
///
/// # Errors
/// When it gives none.
pub fn os_entropy() -> Result<[u8; 32], NoEntropy> {
    let mut entropy = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut entropy)?;
    Ok(entropy)
}

impl Random for SeededRandom {
    fn next_u64(&self) -> u64 {
        self.0.lock().next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_the_numbers() {
        let draw = |seed| {
            let random = SeededRandom::new([seed; 32]);
            (0..8).map(|_| random.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let (one, other) = (SeededRandom::from_os().unwrap(), SeededRandom::from_os().unwrap());
        assert_ne!(one.next_u64(), other.next_u64());
    }
}
