//! How many payments are being begun.
//!
//! Owns the bound on what comes before a payment's first commit, wherever it waits: for a token, in a mailbox, in the
//! lane. What is outside the bound is refused before anything is done for it. The bound follows the time that a first
//! commit takes: where even the shortest of a while is long beside what a transaction takes, there is a standing queue,
//! which makes all of them late and none of them faster, and the bound shrinks; a burst, a disk that hesitates or one
//! that is slow leaves it as it is (the idea of CoDel, <https://www.rfc-editor.org/rfc/rfc8289>). Payments that were begun
//! are not counted: a slow gateway stops nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// What the bound is at first, and what it exceeds only where transactions are slow: three times what is under way at the
/// highest rate that two processors bear. When more is asked for all at once, so much is late before the bound has followed.
const MOST: usize = 384;

/// What is let in beyond the bound for each millisecond without a first commit, after [`HESITATION`]: as many as come at
/// that rate. Then nothing moves at all, which is a stall, and no queue that grows because there is too much to do.
const IN_A_STALL: usize = 4;

/// So long between two first commits is nothing.
const HESITATION: Duration = Duration::from_millis(16);

/// What is never exceeded: a third of a second at that rate.
const CEILING: usize = 1_024;

/// The longest that the quickest first commit of a while may take, where transactions are quick. Where they are not, half
/// as long again as the quickest transaction: the first commit is one, and the wait for it.
const TARGET: Duration = Duration::from_millis(16);

/// What is always let in, for every [`TARGET`] that a transaction takes: fewer would make small batches, and so less of
/// everything.
const LEAST: usize = 64;

/// The while.
const WINDOW: Duration = Duration::from_millis(250);

/// Near the target the bound grows by this part of itself in a window: in leaps it would be far beyond what can be begun in
/// time before that is noticed, and half of the payments would be late.
const GROWTH: usize = 8;

/// It leaps by this part where first commits are twice as quick as they must be: whatever was in the way is gone.
const LEAP: usize = 2;

/// After so long without a first commit whatever was in the way is gone.
const FORGET_AFTER: Duration = Duration::from_secs(1);

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
    /// The last first commit, or when somebody began to wait for one.
    waited_for_since: Instant,
    quickest: Option<Duration>,
    quickest_transaction: Option<Duration>,
}

impl Window {
    fn open() -> Self {
        let now = Instant::now();
        Self { opened: now, waited_for_since: now, quickest: None, quickest_transaction: None }
    }
}

impl Births {
    pub(super) fn new() -> Self {
        let window = Window::open();
        let (under_way, bound) = (AtomicUsize::new(0), AtomicUsize::new(MOST));
        Self(Arc::new(Shared { under_way, bound, window: Mutex::new(window) }))
    }

    /// Lets a payment be begun if the bound allows one more.
    pub(super) fn begin(&self) -> Option<Birth> {
        // Counted before the look, so that two threads cannot both take the last place.
        let birth = self.count();
        let under_way = self.0.under_way.load(Ordering::Relaxed);
        let bound = self.0.bound.load(Ordering::Relaxed);
        (under_way <= bound || under_way <= CEILING.min(bound + self.held_up())).then_some(birth)
    }

    /// Counts one that is let in whatever the bound.
    pub(super) fn count(&self) -> Birth {
        let before = self.0.under_way.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        if before == 0 {
            let mut window = self.0.window.lock();
            window.waited_for_since = begun;
            if window.opened.elapsed() >= FORGET_AFTER {
                self.0.bound.store(MOST, Ordering::Relaxed);
            }
        }
        Birth { births: Self(Arc::clone(&self.0)), begun }
    }

    /// How many have come while nothing was committed.
    fn held_up(&self) -> usize {
        let waited = self.0.window.lock().waited_for_since.elapsed();
        let stalled = waited.saturating_sub(HESITATION).as_millis();
        usize::try_from(stalled).unwrap_or(CEILING).saturating_mul(IN_A_STALL)
    }

    /// A transaction of the lane took so long.
    pub(super) fn transaction(&self, took: Duration) {
        let quickest = &mut self.0.window.lock().quickest_transaction;
        *quickest = Some(quickest.map_or(took, |before| before.min(took)));
    }

    fn took(&self, took: Duration) {
        let mut window = self.0.window.lock();
        let quickest = window.quickest.map_or(took, |before| before.min(took));
        window.quickest = Some(quickest);
        window.waited_for_since = Instant::now();
        if window.opened.elapsed() >= WINDOW {
            let transaction = window.quickest_transaction.unwrap_or_default();
            *window = Window::open();
            let bound = self.0.bound.load(Ordering::Relaxed);
            self.0.bound.store(next_bound(bound, quickest, transaction), Ordering::Relaxed);
        }
    }
}

/// The bound of the next window. It shrinks to what would have taken the target, at most by half, and grows
/// slowly near it.
fn next_bound(bound: usize, quickest: Duration, transaction: Duration) -> usize {
    let target = TARGET.max(transaction * 3 / 2);
    let least = transaction.max(TARGET).as_micros().saturating_mul(LEAST as u128) / TARGET.as_micros();
    let least = usize::try_from(least).unwrap_or(CEILING).min(CEILING);
    let next = if quickest > target {
        let share = target.as_micros().saturating_mul(bound as u128) / quickest.as_micros().max(1);
        usize::try_from(share).unwrap_or(MOST).max(bound / 2)
    } else {
        bound + bound / if quickest * 2 <= target { LEAP } else { GROWTH }
    };
    next.clamp(least, MOST.max(least))
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

    /// A window in which every first commit takes this long, of which the transaction takes so long. Somebody else is
    /// always about.
    async fn window(births: &Births, each: Duration, transaction: Duration) {
        let _other = births.count();
        let opened = Instant::now();
        while opened.elapsed() < WINDOW + each {
            let birth = births.count();
            tokio::time::sleep(each).await;
            births.transaction(transaction);
            birth.committed();
        }
    }

    /// How many are let in beside one that is under way.
    fn let_in_beside(births: &Births) -> usize {
        let _other = births.count();
        1 + let_in(births)
    }

    #[tokio::test(start_paused = true)]
    async fn a_standing_queue_shrinks_the_bound_and_its_end_widens_it() {
        let births = Births::new();
        let quick = Duration::from_millis(5);
        assert_eq!(let_in(&births), MOST);
        assert_eq!(let_in(&births), MOST, "places come back");
        let _other = births.count();
        window(&births, TARGET * 4, quick).await;
        let shrunk = let_in_beside(&births);
        assert!((MOST / 4..=MOST / 2).contains(&shrunk), "{shrunk}");
        for _ in 0..10 {
            window(&births, TARGET * 4, quick).await;
        }
        assert!(let_in_beside(&births) <= LEAST);
        for _ in 0..3 {
            window(&births, TARGET * 3 / 4, quick).await;
        }
        assert!(let_in_beside(&births) < LEAST * 2, "slowly where it is nearly too long");
        for _ in 0..10 {
            window(&births, TARGET / 4, quick).await;
        }
        assert!(let_in_beside(&births) >= MOST - 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_disk_is_no_queue() {
        let births = Births::new();
        let _other = births.count();
        for _ in 0..10 {
            window(&births, TARGET * 6, TARGET * 5).await;
        }
        assert!(let_in_beside(&births) >= MOST - 2);
        for _ in 0..10 {
            window(&births, TARGET * 30, TARGET * 5).await;
        }
        let shrunk = let_in_beside(&births);
        assert!((LEAST * 5 - 2..=LEAST * 5).contains(&shrunk), "{shrunk}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_everybody_is_let_in_again() {
        let births = Births::new();
        {
            let _other = births.count();
            for _ in 0..10 {
                window(&births, TARGET * 4, TARGET / 4).await;
            }
        }
        assert!(let_in(&births) <= LEAST, "all are through, but just now");
        tokio::time::sleep(FORGET_AFTER).await;
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
    async fn while_nothing_moves_those_that_come_are_let_in() {
        let births = Births::new();
        let waiting: Vec<Birth> = std::iter::from_fn(|| births.begin()).collect();
        assert_eq!(waiting.len(), MOST);
        tokio::time::sleep(HESITATION).await;
        assert_eq!(let_in(&births), 0, "that long is nothing");
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(let_in(&births), 10 * IN_A_STALL);
        tokio::time::sleep(WINDOW * 4).await;
        assert_eq!(MOST + let_in(&births), CEILING);
        births.count().committed();
        assert_eq!(let_in(&births), 0, "something moves");
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_without_a_commit_does_not_count_as_quick() {
        let births = Births::new();
        let _other = births.count();
        let late = births.count();
        drop(births.count());
        tokio::time::sleep(WINDOW).await;
        drop(births.count());
        late.committed();
        assert!(let_in_beside(&births) < MOST - 1);
    }
}
