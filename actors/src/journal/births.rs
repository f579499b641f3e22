//! How many payments are being begun.
//!
//! Owns the bound on what comes before a payment's first commit, wherever it waits: for a token, in a mailbox, in the
//! lane. What is outside the bound is refused before anything is done for it. The bound follows the time that a first
//! commit takes: where even the shortest of a while is long, there is a standing queue, which makes all of them late and
//! none of them faster, and the bound shrinks; a burst, or a disk that hesitates, leaves it as it is
//! (the idea of CoDel, <https://www.rfc-editor.org/rfc/rfc8289>). Payments that were begun are not counted: a slow
//! gateway stops nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// What the bound never exceeds, and what it is at first: enough for a third of a second without a commit at the
/// highest rate that two processors bear.
const MOST: usize = 1_024;

/// What is always let in: fewer would make small batches, and so less of everything.
const LEAST: usize = 96;

/// The longest that the quickest first commit of a while may take.
const TARGET: Duration = Duration::from_millis(20);

/// The while.
const WINDOW: Duration = Duration::from_millis(250);

/// Payments of one lane on their way to their first commit.
#[derive(Clone)]
pub(super) struct Births(Arc<Shared>);

struct Shared {
    under_way: AtomicUsize,
    bound: AtomicUsize,
    window: Mutex<Window>,
}

/// What was seen since it opened.
struct Window {
    opened: Instant,
    quickest: Option<Duration>,
}

impl Births {
    pub(super) fn new() -> Self {
        let window = Window { opened: Instant::now(), quickest: None };
        let (under_way, bound) = (AtomicUsize::new(0), AtomicUsize::new(MOST));
        Self(Arc::new(Shared { under_way, bound, window: Mutex::new(window) }))
    }

    /// Lets a payment be begun if the bound allows one more.
    pub(super) fn begin(&self) -> Option<Birth> {
        // Counted before the look, so that two threads cannot both take the last place.
        let birth = self.count();
        let bound = self.0.bound.load(Ordering::Relaxed);
        (self.0.under_way.load(Ordering::Relaxed) <= bound).then_some(birth)
    }

    /// Counts one that is let in whatever the bound.
    pub(super) fn count(&self) -> Birth {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        Birth { births: Self(Arc::clone(&self.0)), begun: Instant::now() }
    }

    fn took(&self, took: Duration) {
        let mut window = self.0.window.lock();
        let quickest = window.quickest.map_or(took, |before| before.min(took));
        window.quickest = Some(quickest);
        if window.opened.elapsed() >= WINDOW {
            *window = Window { opened: Instant::now(), quickest: None };
            let bound = self.0.bound.load(Ordering::Relaxed);
            self.0.bound.store(next_bound(bound, quickest), Ordering::Relaxed);
        }
    }
}

/// The bound of the next window. It shrinks to what would have taken the target, at most by half, and grows by half.
fn next_bound(bound: usize, quickest: Duration) -> usize {
    let next = if quickest > TARGET {
        let share = TARGET.as_micros().saturating_mul(bound as u128) / quickest.as_micros().max(1);
        usize::try_from(share).unwrap_or(MOST).max(bound / 2)
    } else {
        bound + bound / 2
    };
    next.clamp(LEAST, MOST)
}

/// A payment that is being begun; its place is free again when this is dropped.
pub struct Birth {
    births: Births,
    begun: Instant,
}

impl Birth {
    /// The first commit is done. One that ends in another way says nothing about how long commits take.
    pub fn committed(self) {
        self.births.took(self.begun.elapsed());
    }
}

impl Drop for Birth {
    fn drop(&mut self) {
        self.births.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_in(births: &Births) -> usize {
        std::iter::from_fn(|| births.begin()).collect::<Vec<_>>().len()
    }

    /// A window in which every commit takes this long.
    async fn window(births: &Births, each: Duration) {
        let opened = Instant::now();
        while opened.elapsed() < WINDOW + each {
            let birth = births.count();
            tokio::time::sleep(each).await;
            birth.committed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_standing_queue_shrinks_the_bound_and_its_end_widens_it() {
        let births = Births::new();
        assert_eq!(let_in(&births), MOST);
        assert_eq!(let_in(&births), MOST, "places come back");
        window(&births, TARGET * 4).await;
        let shrunk = let_in(&births);
        assert!((MOST / 4..=MOST / 2).contains(&shrunk), "{shrunk}");
        for _ in 0..10 {
            window(&births, TARGET * 4).await;
        }
        assert_eq!(let_in(&births), LEAST);
        for _ in 0..10 {
            window(&births, TARGET / 4).await;
        }
        assert_eq!(let_in(&births), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hesitation_changes_nothing() {
        let births = Births::new();
        births.count().committed();
        let late = births.count();
        tokio::time::sleep(WINDOW * 2).await;
        late.committed();
        assert_eq!(let_in(&births), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_without_a_commit_does_not_count_as_quick() {
        let births = Births::new();
        let late = births.count();
        drop(births.count());
        tokio::time::sleep(WINDOW).await;
        drop(births.count());
        late.committed();
        assert!(let_in(&births) < MOST);
    }
}
