//! Which of the due moments begin a flow, repeat an earlier request, or ask something wrong.
//!
//! Owns the shares. They are met exactly and spread evenly, not drawn.

use std::collections::VecDeque;
use std::time::Instant;

use super::flow::{Aim, Job, Step, Wrong};

/// How many answered requests are remembered to be repeated.
const REMEMBERED: usize = 1_024;

/// A share of all moments, spread evenly.
#[derive(Debug, Clone, Copy)]
struct Share {
    share: f64,
    moments: f64,
    given: f64,
}

/// Far below any share of one moment, far above what rounding adds up to.
const ROUNDING: f64 = 1e-6;

impl Share {
    fn new(share: f64) -> Self {
        Self { share, moments: 0.0, given: 0.0 }
    }

    fn is_next(&mut self) -> bool {
        self.moments += 1.0;
        let next = self.moments * self.share + ROUNDING >= self.given + 1.0;
        if next {
            self.given += 1.0;
        }
        next
    }
}

/// Makes the jobs of a load.
pub(crate) struct Mix {
    aim: Aim,
    replays: Share,
    wrong: Share,
    /// Answered authorizations, with their statuses.
    answered: VecDeque<(u64, u16)>,
    next_number: u64,
    next_wrong: usize,
}

impl Mix {
    /// Shares are between 0 and 1.
    pub(crate) fn new(aim: Aim, replays: f64, wrong: f64) -> Self {
        Self {
            aim,
            replays: Share::new(replays),
            wrong: Share::new(wrong),
            answered: VecDeque::new(),
            next_number: 0,
            next_wrong: 0,
        }
    }

    /// The job of a moment.
    pub(crate) fn next(&mut self, stretch: usize, due: Instant) -> Job {
        if self.wrong.is_next() {
            return self.wrong(stretch, due);
        }
        if self.replays.is_next()
            && let Some((number, status)) = self.recall()
        {
            return Job { step: Step::Replay { status }, ..Job::first(number, self.aim, stretch, due) };
        }
        Job::first(self.fresh(), self.aim, stretch, due)
    }

    /// An authorization was answered for good, so it can be repeated.
    pub(crate) fn answered(&mut self, number: u64, status: u16) {
        if self.replays.share + self.wrong.share > 0.0 && matches!(status, 200 | 402) {
            if self.answered.len() == REMEMBERED {
                self.answered.pop_front();
            }
            self.answered.push_back((number, status));
        }
    }

    fn wrong(&mut self, stretch: usize, due: Instant) -> Job {
        let turn = self.next_wrong % (Wrong::ALONE.len() + 1);
        self.next_wrong += 1;
        let (number, wrong) = match Wrong::ALONE.get(turn) {
            Some(alone) => (self.fresh(), *alone),
            None => self.recall().map_or_else(
                || (self.fresh(), Wrong::ZeroAmount),
                |(number, _)| (number, Wrong::KeyOfAnother),
            ),
        };
        Job { step: Step::Wrong(wrong), ..Job::first(number, self.aim, stretch, due) }
    }

    /// One of those answered, each in its turn.
    fn recall(&mut self) -> Option<(u64, u16)> {
        let recalled = self.answered.pop_front()?;
        self.answered.push_back(recalled);
        Some(recalled)
    }

    fn fresh(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::flow::{Aim, Step, Wrong};
    use super::Mix;

    #[test]
    fn shares_are_met_and_spread() {
        let now = Instant::now();
        let mut mix = Mix::new(Aim::Authorize, 0.25, 0.1);
        mix.answered(99, 402);
        let steps: Vec<Step> = (0..1_000).map(|_| mix.next(0, now).step).collect();
        let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|step| wanted(step)).count();
        assert_eq!(count(|step| matches!(step, Step::Wrong(_))), 100);
        assert_eq!(count(|step| matches!(step, Step::Replay { status: 402 })), 225);
        assert!(count(|step| matches!(step, Step::Wrong(Wrong::KeyOfAnother))) > 10);
    }

    #[test]
    fn without_shares_every_moment_begins_a_flow_of_its_own() {
        let now = Instant::now();
        let mut mix = Mix::new(Aim::Full, 0.0, 0.0);
        mix.answered(99, 200);
        let numbers: Vec<u64> = (0..5).map(|_| mix.next(0, now).number).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn nothing_is_repeated_before_anything_was_answered() {
        let mut mix = Mix::new(Aim::Authorize, 1.0, 0.0);
        assert_eq!(mix.next(0, Instant::now()).step, Step::Authorize);
        mix.answered(0, 503);
        assert_eq!(mix.next(0, Instant::now()).step, Step::Authorize);
        mix.answered(0, 200);
        assert_eq!(mix.next(0, Instant::now()).step, Step::Replay { status: 200 });
    }
}
