//! Randomness of a simulated run: one seed, one ChaCha stream per purpose.
//!
//! Owns how a seed becomes draws. Never decides what is drawn for.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a run is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed(pub u64);

/// What draws are for. Each purpose has a stream of its own, so a draw added to one leaves the others alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which faults a run has, and how often.
    Plan,
    /// The engine's own randomness: jitter, ids, tokens.
    Engine,
    /// The store's delays and faults.
    Store,
    /// The event log's.
    EventLog,
    /// The PG's network.
    Network,
    /// The PG's own decisions and delays.
    Bank,
    /// The cache's losses.
    Admission,
    /// Kills, pauses, crashes and outages.
    Misfortune,
    /// The operators' choices.
    Operator,
    /// One client's choices.
    Client(u32),
}

impl Purpose {
    fn stream(self) -> u64 {
        match self {
            Self::Plan => 1,
            Self::Engine => 2,
            Self::Store => 3,
            Self::EventLog => 4,
            Self::Network => 5,
            Self::Bank => 6,
            Self::Admission => 7,
            Self::Misfortune => 8,
            Self::Operator => 9,
            Self::Client(number) => 1_000 + u64::from(number),
        }
    }
}

/// Draws from one stream.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a purpose.
    #[must_use]
    pub fn new(seed: Seed, purpose: Purpose) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed.0);
        rng.set_stream(purpose.stream());
        Self(rng)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in 0.0 … 1.0, the latter excluded.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `bound`, which is not zero. Its bias is below one in 2^32 for the small bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// A number in `from ..= to`.
    pub fn number(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// Whether something with this probability happens. Always draws, so that certain things shift nothing.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number of milliseconds between two, which is as fine as virtual time gets.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.number(from, to))
    }

    /// One of these; there is at least one.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        &choices[usize::try_from(index).expect("an index of a slice fits")]
    }
}
