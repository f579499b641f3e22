//! A breaker's latest changes of state.
//!
//! Owns a bounded record of them, because a state can be over before anybody looks: HALF_OPEN lasts milliseconds when
//! the dependency is well again. Never decides a change.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::state::BreakerState;
use crate::api::BreakerChange;

/// An outage of a dependency makes two changes per open time, so this many reach back a while.
const KEPT: usize = 16;

#[derive(Debug)]
struct Change {
    number: u64,
    from: BreakerState,
    to: BreakerState,
    at: Instant,
}

/// The latest changes, oldest first.
#[derive(Debug, Default)]
pub(super) struct Changes(VecDeque<Change>);

impl Changes {
    pub(super) fn note(&mut self, from: BreakerState, to: BreakerState, at: Instant) {
        let number = self.0.back().map_or(1, |newest| newest.number + 1);
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Change { number, from, to, at });
    }

    /// As operators see them at a moment.
    pub(super) fn view(&self, now: Instant) -> Vec<BreakerChange> {
        let ago = |at| u64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(u64::MAX);
        let shown = self.0.iter().map(|change| BreakerChange {
            number: change.number,
            from: change.from.as_str(),
            to: change.to.as_str(),
            ago_ms: ago(change.at),
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_latest_are_kept_in_order_and_numbered() {
        let (mut changes, begin) = (Changes::default(), Instant::now());
        for second in 0..20 {
            changes.note(BreakerState::Open, BreakerState::HalfOpen, begin + Duration::from_secs(second));
        }
        let view = changes.view(begin + Duration::from_secs(20));
        let numbers: Vec<u64> = view.iter().map(|change| change.number).collect();
        assert_eq!(numbers, (5..=20).collect::<Vec<u64>>());
        assert_eq!(view[15], BreakerChange { number: 20, from: "OPEN", to: "HALF_OPEN", ago_ms: 1_000 });
    }
}
