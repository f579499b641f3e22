//! Tells whoever waits how far a long reading came.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How often something is said, and how long nothing is at first.
const PAUSE: Duration = Duration::from_secs(2);

/// Says now and then how much was read.
pub(super) struct Progress {
    tell: Box<dyn Fn(&str)>,
    next: Cell<Instant>,
}

impl Progress {
    pub(super) fn new(tell: impl Fn(&str) + 'static) -> Self {
        Self { tell: Box::new(tell), next: Cell::new(Instant::now() + PAUSE) }
    }

    /// So much was read; `line` is asked for only when it is time to say something.
    pub(super) fn step(&self, line: impl FnOnce() -> String) {
        let now = Instant::now();
        if now >= self.next.get() {
            self.next.set(now + PAUSE);
            (self.tell)(&line());
        }
    }
}
