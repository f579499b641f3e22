//! The small ports' real adapters: the time of day and randomness.
//!
//! Owns the only places where the program reads the wall clock and the operating system's entropy for the actors.

mod clock;
mod random;

pub use clock::SystemClock;
pub use random::{NoEntropy, SeededRandom, os_entropy};
