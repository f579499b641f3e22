//! Randomness from a seeded source.

/// Draws numbers; the same seed draws the same ones.
pub trait Random: Send + Sync {
    /// The next 64 random bits.
    fn next_u64(&self) -> u64;

    /// The next number in 0.0 … 1.0, the latter excluded.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    fn next_unit(&self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
