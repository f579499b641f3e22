//! The latest calls a breaker judges by.
//!
//! Owns counting. Never decides what a count means.

use std::collections::VecDeque;

/// One judged call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// Counts over the latest calls.
#[derive(Debug)]
pub(super) struct Window {
    calls: VecDeque<Call>,
    size: usize,
    pub(super) failed: u32,
    pub(super) slow: u32,
    pub(super) slow_failed: u32,
}

impl Window {
    pub(super) fn new(size: usize) -> Self {
        Self {
            calls: VecDeque::with_capacity(size.min(128)),
            size: size.max(1),
            failed: 0,
            slow: 0,
            slow_failed: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.size);
    }

    pub(super) fn push(&mut self, call: Call) {
        if self.calls.len() == self.size
            && let Some(oldest) = self.calls.pop_front()
        {
            self.failed -= u32::from(oldest.failed);
            self.slow -= u32::from(oldest.slow);
            self.slow_failed -= u32::from(oldest.slow && oldest.failed);
        }
        self.calls.push_back(call);
        self.failed += u32::from(call.failed);
        self.slow += u32::from(call.slow);
        self.slow_failed += u32::from(call.slow && call.failed);
    }

    pub(super) fn total(&self) -> u32 {
        u32::try_from(self.calls.len()).expect("a window holds few calls")
    }

    /// The share of failures in percent; `None` below `minimum` calls.
    pub(super) fn failure_rate(&self, minimum: u32) -> Option<f64> {
        self.rate(self.failed, minimum)
    }

    /// The share of slow calls in percent; `None` below `minimum` calls.
    pub(super) fn slow_rate(&self, minimum: u32) -> Option<f64> {
        self.rate(self.slow, minimum)
    }

    fn rate(&self, part: u32, minimum: u32) -> Option<f64> {
        let total = self.total();
        (total > 0 && total >= minimum).then(|| f64::from(part) * 100.0 / f64::from(total))
    }
}
