//! The simulator's only source of randomness, seeded so that a run can be repeated.
//!
//! It never touches a clock or a thread-local generator.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::options::Behaviour;

/// Seeded draws.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// True with the given probability. Certain outcomes draw too, so that scripting a fault with probability 1
    /// leaves the later draws where they were.
    pub(super) fn happens(&mut self, probability: f64) -> bool {
        // 53 random bits are as many as an f64 holds, so this is uniform in [0, 1).
        let unit = (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        unit < probability
    }

    /// A processing time between the behaviour's two bounds, even, to the microsecond.
    pub(super) fn latency(&mut self, behaviour: &Behaviour) -> Duration {
        let spread = behaviour.latency_max.saturating_sub(behaviour.latency_min);
        let micros = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX - 1);
        // The remainder's bias is below one in 2^40 for spreads of seconds.
        behaviour.latency_min + Duration::from_micros(self.0.next_u64() % (micros + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let behaviour = Behaviour {
            latency_min: Duration::from_millis(5),
            latency_max: Duration::from_millis(15),
            negative_rate: 0.5,
        };
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..100).map(|_| (chance.latency(&behaviour), chance.happens(0.5))).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_keep_to_their_bounds() {
        let mut chance = Chance::new(1);
        let behaviour = Behaviour {
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(3),
            negative_rate: 0.0,
        };
        for _ in 0..1_000 {
            let latency = chance.latency(&behaviour);
            assert!((behaviour.latency_min..=behaviour.latency_max).contains(&latency));
            assert!(!chance.happens(0.0));
            assert!(chance.happens(1.0));
        }
        let hits = (0..10_000).filter(|_| chance.happens(0.05)).count();
        assert!((350..650).contains(&hits), "5 % of 10,000 drew {hits}");
    }
}
