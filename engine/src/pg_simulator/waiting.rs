//! The waiting room: requests whose answer a fault keeps back, and how many there are.
//!
//! A request leaves when its time is over, when its client hangs up (the server then drops its future), or when
//! the simulator stops; so the count is also a proof that nothing stays behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Shared by all workers.
#[derive(Default)]
pub(super) struct WaitingRoom(AtomicUsize);

impl WaitingRoom {
    /// Waits for `delay`, or until the simulator stops.
    pub(super) async fn keep_back(&self, delay: Duration, mut stop: watch::Receiver<bool>) {
        if delay.is_zero() {
            return;
        }
        let _seat = Seat::take(&self.0);
        tokio::select! {
            biased;
            _ = stop.wait_for(|stopped| *stopped) => {}
            () = tokio::time::sleep(delay) => {}
        }
    }

    pub(super) fn occupied(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts one request for as long as its future lives.
struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    fn take(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
