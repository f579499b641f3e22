//! The engine's source of randomness, drawn from the run's seed.

use parking_lot::Mutex;

use super::dice::{Dice, Purpose};
use super::environment::Environment;
use crate::ports::random::Random;

/// Random numbers of one run.
#[derive(Debug)]
pub struct SimRandom(Mutex<Dice>);

impl SimRandom {
    /// The engine's stream of the run.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        Self(Mutex::new(environment.dice(Purpose::Engine)))
    }
}

impl Random for SimRandom {
    fn next_u64(&self) -> u64 {
        self.0.lock().bits()
    }
}
