//! How many payments are being begun.
//!
//! Owns the bound on what comes before a payment's first commit, wherever it waits: for a token, in a mailbox, in the
//! lane. What is outside the bound is refused before anything is done for it. The bound follows the time that a first
//! commit takes: where even the shortest of a while is long beside what a transaction takes, there is a standing queue,
//! which makes all of them late and none of them faster, and the bound shrinks if it was reached; a burst, a disk that
//! hesitates or one that is slow leaves it as it is (the idea of CoDel, <https://www.rfc-editor.org/rfc/rfc8289>). Payments
//! that were begun are not counted: a slow gateway stops nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// What the bound never exceeds, and what it is at first: enough for a third of a second without a commit at the
/// highest rate that two processors bear.
const MOST: usize = 1_024;

/// What the bound becomes when far more comes than came before. Nothing is known yet of how long commits will take then, and
/// while [`MOST`] shrinks window by window all of them would be late; twice what is under way at the rate that is borne.
const MOST_IN_A_SURGE: usize = 256;

/// So many times the highest number of first commits in a window of late is far more.
const SURGE: usize = 2;

/// What is taken for that number where it was less: what two processors do in a window without effort.
const USUAL: usize = 500;

/// What may come at once: how much time is added to what is looked at.
const GRACE: Duration = Duration::from_millis(32);

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
    /// How many asked to be begun in this window, refused ones included.
    came: AtomicUsize,
    window: Mutex<Window>,
}

/// What was seen since it opened.
struct Window {
    opened: Instant,
    quickest: Option<Duration>,
    quickest_transaction: Option<Duration>,
    committed: usize,
    /// The most that were under way when one committed.
    most_under_way: usize,
    /// The most first commits in a window; forgotten by an eighth with each.
    most_committed: usize,
}

impl Window {
    fn open(most_committed: usize) -> Self {
        let most_committed = most_committed.max(USUAL);
        Self {
            opened: Instant::now(),
            quickest: None,
            quickest_transaction: None,
            committed: 0,
            most_under_way: 0,
            most_committed,
        }
    }

    /// The one after it.
    fn next(&self) -> Self {
        let committed = in_a_window(self.committed, self.opened.elapsed());
        Self::open(committed.max(self.most_committed - self.most_committed / 8))
    }
}

/// What so many in that time are in a window.
fn in_a_window(count: usize, time: Duration) -> usize {
    let rate = count as u128 * WINDOW.as_micros() / time.as_micros().max(1);
    usize::try_from(rate).unwrap_or(usize::MAX)
}

impl Births {
    pub(super) fn new() -> Self {
        let window = Mutex::new(Window::open(USUAL));
        let (under_way, bound) = (AtomicUsize::new(0), AtomicUsize::new(MOST));
        Self(Arc::new(Shared { under_way, bound, came: AtomicUsize::new(0), window }))
    }

    /// Lets a payment be begun if the bound allows one more.
    pub(super) fn begin(&self) -> Option<Birth> {
        // Counted before the look, so that two threads cannot both take the last place.
        let (birth, before) = self.place();
        if before == 0 && self.0.window.lock().opened.elapsed() >= FORGET_AFTER {
            self.0.bound.store(MOST, Ordering::Relaxed);
        }
        let under_way = self.0.under_way.load(Ordering::Relaxed);
        if under_way > MOST_IN_A_SURGE && self.is_surging() {
            self.0.bound.fetch_min(MOST_IN_A_SURGE, Ordering::Relaxed);
        }
        (under_way <= self.0.bound.load(Ordering::Relaxed)).then_some(birth)
    }

    /// Whether far more comes than was begun of late, and not only less is committed.
    fn is_surging(&self) -> bool {
        let window = self.0.window.lock();
        let came = self.0.came.load(Ordering::Relaxed);
        in_a_window(came, window.opened.elapsed() + GRACE) > SURGE * window.most_committed
    }

    /// Counts one that is let in whatever the bound.
    pub(super) fn count(&self) -> Birth {
        self.place().0
    }

    /// A place, and how many were taken before.
    fn place(&self) -> (Birth, usize) {
        let before = self.0.under_way.fetch_add(1, Ordering::Relaxed);
        self.0.came.fetch_add(1, Ordering::Relaxed);
        (Birth { births: Self(Arc::clone(&self.0)), begun: Instant::now() }, before)
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
        window.committed += 1;
        window.most_under_way = window.most_under_way.max(self.0.under_way.load(Ordering::Relaxed));
        if window.opened.elapsed() >= WINDOW {
            let bound = self.0.bound.load(Ordering::Relaxed);
            self.0.bound.store(next_bound(bound, &window), Ordering::Relaxed);
            self.0.came.store(0, Ordering::Relaxed);
            *window = window.next();
        }
    }
}

/// The bound after this window. It shrinks to what would have taken the target, at most by half, and only if it was nearly
/// reached: a queue that stays below it, such as that behind a stall, is worked off by itself. It grows slowly near the target.
fn next_bound(bound: usize, window: &Window) -> usize {
    let quickest = window.quickest.unwrap_or_default();
    let transaction = window.quickest_transaction.unwrap_or_default();
    let target = TARGET.max(transaction * 3 / 2);
    let least = transaction.max(TARGET).as_micros().saturating_mul(LEAST as u128) / TARGET.as_micros();
    let least = usize::try_from(least).unwrap_or(MOST).min(MOST);
    let next = if quickest <= target {
        bound + bound / if quickest * 2 <= target { LEAP } else { GROWTH }
    } else if window.most_under_way >= bound - bound / 8 {
        let share = target.as_micros().saturating_mul(bound as u128) / quickest.as_micros().max(1);
        usize::try_from(share).unwrap_or(MOST).max(bound / 2)
    } else {
        bound
    };
    next.clamp(least, MOST)
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

    /// How many are let in that come one after the other, as fast as payments usually are begun.
    async fn let_in(births: &Births) -> usize {
        let mut begun = Vec::new();
        while let Some(birth) = births.begin() {
            begun.push(birth);
            tokio::time::sleep(WINDOW / 2 / u32::try_from(USUAL).expect("a small number")).await;
        }
        begun.len()
    }

    /// A window in which every first commit takes this long, of which the transaction takes so long, while so many others
    /// are under way.
    async fn window_beside(others: usize, births: &Births, each: Duration, transaction: Duration) {
        let _others: Vec<Birth> = (0..others).map(|_| births.count()).collect();
        let opened = Instant::now();
        while opened.elapsed() < WINDOW + each {
            let birth = births.count();
            tokio::time::sleep(each).await;
            births.transaction(transaction);
            birth.committed();
        }
    }

    /// Such a window in which the bound is reached.
    async fn window(births: &Births, each: Duration, transaction: Duration) {
        window_beside(MOST, births, each, transaction).await;
    }

    /// How many are let in beside one that is under way.
    async fn let_in_beside(births: &Births) -> usize {
        let _other = births.count();
        1 + let_in(births).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_standing_queue_shrinks_the_bound_and_its_end_widens_it() {
        let births = Births::new();
        let quick = Duration::from_millis(5);
        assert_eq!(let_in(&births).await, MOST);
        assert_eq!(let_in(&births).await, MOST, "places come back");
        let _other = births.count();
        window(&births, TARGET * 4, quick).await;
        let shrunk = let_in_beside(&births).await;
        assert!((MOST / 8..=MOST / 2).contains(&shrunk), "{shrunk}");
        for _ in 0..10 {
            window(&births, TARGET * 4, quick).await;
        }
        assert!(let_in_beside(&births).await <= LEAST);
        for _ in 0..3 {
            window(&births, TARGET * 3 / 4, quick).await;
        }
        assert!(let_in_beside(&births).await < LEAST * 2, "slowly where it is nearly too long");
        for _ in 0..10 {
            window(&births, TARGET / 4, quick).await;
        }
        assert!(let_in_beside(&births).await >= MOST - 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_disk_is_no_queue() {
        let births = Births::new();
        let _other = births.count();
        for _ in 0..10 {
            window(&births, TARGET * 6, TARGET * 5).await;
        }
        assert!(let_in_beside(&births).await >= MOST - 2);
        for _ in 0..10 {
            window(&births, TARGET * 30, TARGET * 5).await;
        }
        let shrunk = let_in_beside(&births).await;
        assert!((LEAST * 5 - 2..=LEAST * 5).contains(&shrunk), "{shrunk}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_below_the_bound_is_worked_off() {
        let births = Births::new();
        let _other = births.count();
        for _ in 0..10 {
            window_beside(MOST * 3 / 4, &births, TARGET * 8, TARGET / 4).await;
        }
        assert!(let_in_beside(&births).await >= MOST - 2);
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
        assert!(let_in(&births).await <= LEAST, "all are through, but just now");
        tokio::time::sleep(FORGET_AFTER).await;
        assert_eq!(let_in(&births).await, MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hesitation_changes_nothing() {
        let births = Births::new();
        births.count().committed();
        let late = births.count();
        tokio::time::sleep(WINDOW * 2).await;
        late.committed();
        assert_eq!(let_in(&births).await, MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn of_far_more_than_before_fewer_are_let_in_until_commits_are_known_to_be_quick() {
        let births = Births::new();
        let at_once = || std::iter::from_fn(|| births.begin()).collect::<Vec<_>>();
        let first = at_once();
        assert_eq!(first.len(), MOST_IN_A_SURGE);
        tokio::time::sleep(WINDOW / 2).await;
        assert!(births.begin().is_none(), "it stays so when less comes");
        drop(first);
        for _ in 0..4 {
            window_beside(0, &births, TARGET / 4, TARGET / 4).await;
        }
        assert_eq!(let_in(&births).await, MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn where_many_were_begun_of_late_many_may_come_at_once() {
        let births = Births::new();
        for _ in 0..USUAL * 4 {
            births.count().committed();
        }
        tokio::time::sleep(WINDOW).await;
        births.count().committed();
        let at_once: Vec<Birth> = std::iter::from_fn(|| births.begin()).collect();
        assert!(at_once.len() > MOST_IN_A_SURGE);
    }

    #[tokio::test(start_paused = true)]
    async fn while_nothing_is_committed_those_that_come_as_before_are_let_in() {
        let births = Births::new();
        births.count().committed();
        assert_eq!(let_in(&births).await, MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_without_a_commit_does_not_count_as_quick() {
        let births = Births::new();
        let others: Vec<Birth> = (0..MOST).map(|_| births.count()).collect();
        let late = births.count();
        drop(births.count());
        tokio::time::sleep(WINDOW).await;
        drop(births.count());
        late.committed();
        drop(others);
        assert!(let_in_beside(&births).await < MOST - 1);
    }
}
