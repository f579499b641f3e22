//! When the next batch of a lane begins.
//!
//! Owns the trade of a few milliseconds for larger batches: a transaction or a publication has a price of its own, on
//! both sides, whatever is in it. Where there is little to do nothing waits. Never looks at what is in a batch.

use std::time::Duration;

use tokio::time::Instant;

/// A batch of so many is load: several came while the one before it was under way.
const BUSY: usize = 8;

/// What is known of a lane's last batch.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Under load batches begin this far apart.
    apart: Duration,
    /// So many do not wait.
    enough: usize,
    last: Option<(usize, Instant)>,
    is_timed: bool,
}

impl Pace {
    /// Batches this far apart under load, but for those of at least `enough`.
    pub(crate) fn new(apart: Duration, enough: usize) -> Self {
        Self { apart, enough, last: None, is_timed: false }
    }

    /// A batch begins.
    pub(crate) fn begun(&mut self, records: usize, now: Instant) {
        self.last = Some((records, now));
    }

    /// How long the next batch should wait for more than is there; nothing when it should begin.
    pub(crate) fn left(&self, waiting: usize, now: Instant) -> Option<Duration> {
        let (records, begun) = self.last?;
        if records < BUSY || waiting >= self.enough {
            return None;
        }
        let left = self.apart.saturating_sub(now.saturating_duration_since(begun));
        (!left.is_zero()).then_some(left)
    }

    /// Whether a timer has to be set for the end of the wait: not when one is set already.
    pub(crate) fn set_timer(&mut self) -> bool {
        !std::mem::replace(&mut self.is_timed, true)
    }

    /// The timer fired.
    pub(crate) fn timer_fired(&mut self) {
        self.is_timed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_busy_lane_waits_and_never_for_long() {
        let now = Instant::now();
        let mut pace = Pace::new(Duration::from_millis(6), 64);
        assert_eq!(pace.left(1, now), None, "nothing is known");
        for (records, waiting, since, left) in [
            (1, 1, 0, None),
            (BUSY - 1, 1, 0, None),
            (BUSY, 1, 0, Some(6)),
            (BUSY, 1, 2, Some(4)),
            (BUSY, 63, 5, Some(1)),
            (BUSY, 1, 6, None),
            (BUSY, 1, 60, None),
            (BUSY, 64, 0, None),
        ] {
            pace.begun(records, now);
            let then = now + Duration::from_millis(since);
            assert_eq!(
                pace.left(waiting, then),
                left.map(Duration::from_millis),
                "{records} {waiting} {since}"
            );
        }
    }
}
