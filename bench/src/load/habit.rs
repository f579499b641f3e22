//! When a payment is worth reading for the first time.
//!
//! Owns the guess of how long the server takes to bring a payment where a flow waits for it, made from what was seen of
//! the others. Reads that come too early cost the server and show nothing; reads that come late make flows look slow.

use std::time::Duration;

/// What is known of this server so far.
#[derive(Debug)]
pub(crate) struct Habit(Duration);

/// The shortest and the longest guess.
const LEAST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_millis(320);

impl Default for Habit {
    fn default() -> Self {
        Self(LEAST)
    }
}

impl Habit {
    /// How long to wait after the command.
    pub(crate) fn pause(&self) -> Duration {
        self.0
    }

    /// A first read showed a payment that had arrived, or one that had not. Longer by more than it is shorter: the guess
    /// comes to rest where four of five first reads see what they wait for. In small steps, because hundreds of reads are
    /// under way when the server hesitates.
    pub(crate) fn learn(&mut self, had_arrived: bool) {
        let step = self.0 / 512;
        let guess = if had_arrived { self.0 - step } else { self.0 + 4 * step };
        self.0 = guess.clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guess after many payments, of which each arrives after what `took` says.
    fn after(payments: u32, took: impl Fn(u32) -> u64) -> Duration {
        let mut habit = Habit::default();
        for payment in 0..payments {
            habit.learn(habit.pause() >= Duration::from_millis(took(payment)));
        }
        habit.pause()
    }

    #[test]
    fn the_guess_is_what_four_of_five_take() {
        assert_eq!(after(1_000, |_| 3), LEAST);
        assert_eq!(after(10_000, |_| u64::MAX), MOST);
        let spread = after(10_000, |payment| 100 + u64::from(payment * 7 % 10) * 10);
        assert!((150..=200).contains(&spread.as_millis()), "{spread:?}");
        let faster = after(10_000, |payment| if payment < 5_000 { 300 } else { 50 });
        assert!((45..=60).contains(&faster.as_millis()), "{faster:?}");
    }
}
