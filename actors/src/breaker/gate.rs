//! The gate callers ask for a permit.
//!
//! Owns a breaker's state and window behind one short lock, and an atomic that answers the usual question (is it
//! closed?) without it. Shared by callers on every thread and by the breaker's actor, which outlives neither: after
//! a restart the actor finds the gate as it was. Never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::BreakerSettings;
use super::changes::Changes;
use super::state::BreakerState;
use super::window::{Call, Window};
use crate::api::{BreakerCommand, BreakerView};

/// One dependency's breaker.
pub struct Gate {
    name: &'static str,
    settings: BreakerSettings,
    /// True while every call passes: the hot path reads nothing else.
    passes: AtomicBool,
    inner: Mutex<Inner>,
    /// Wakes the breaker's actor when the state changed.
    changed: Notify,
}

struct Inner {
    state: BreakerState,
    since: Instant,
    window: Window,
    probes_given: u32,
    refused: u64,
    changes: Changes,
}

/// The right to make one call. Dropping it without a verdict gives a probe back.
pub struct Permit {
    gate: Arc<Gate>,
    begun: Instant,
    probe: bool,
    settled: bool,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new(name: &'static str, settings: BreakerSettings) -> Self {
        let inner = Inner {
            state: BreakerState::Closed,
            since: Instant::now(),
            window: Window::new(settings.window),
            probes_given: 0,
            refused: 0,
            changes: Changes::default(),
        };
        Self {
            name,
            settings,
            passes: AtomicBool::new(true),
            inner: Mutex::new(inner),
            changed: Notify::new(),
        }
    }

    /// The dependency's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The present state.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.inner.lock().state
    }

    /// Asks to make a call; `None` when it is refused.
    #[must_use]
    pub fn permit(self: &Arc<Self>) -> Option<Permit> {
        let probe = if self.passes.load(Ordering::Acquire) { false } else { self.probe_or_refuse()? };
        Some(Permit { gate: Arc::clone(self), begun: Instant::now(), probe, settled: false })
    }

    /// Whether a call would be permitted now, without taking a probe.
    #[must_use]
    pub fn would_permit(&self) -> bool {
        self.passes.load(Ordering::Acquire) || {
            let inner = self.inner.lock();
            match inner.state {
                BreakerState::Closed | BreakerState::Disabled => true,
                BreakerState::HalfOpen | BreakerState::ForcedHalfOpen => {
                    inner.probes_given < self.settings.probes
                }
                BreakerState::Open | BreakerState::ForcedOpen => false,
            }
        }
    }

    fn probe_or_refuse(&self) -> Option<bool> {
        let mut inner = self.inner.lock();
        match inner.state {
            BreakerState::Closed | BreakerState::Disabled => Some(false),
            BreakerState::HalfOpen | BreakerState::ForcedHalfOpen
                if inner.probes_given < self.settings.probes =>
            {
                inner.probes_given += 1;
                Some(true)
            }
            BreakerState::HalfOpen
            | BreakerState::ForcedHalfOpen
            | BreakerState::Open
            | BreakerState::ForcedOpen => {
                inner.refused += 1;
                None
            }
        }
    }

    fn judge(&self, failed: usize, took: Duration, probe: bool) {
        let slow = self.settings.slow_call.is_some_and(|limit| took > limit);
        let call = Call { failed: failed > 0, slow };
        let mut inner = self.inner.lock();
        match inner.state {
            BreakerState::Closed => {
                for _ in 0..failed.min(self.settings.window).max(1) {
                    inner.window.push(call);
                }
                self.open_if_over(&mut inner, self.settings.minimum_calls);
            }
            BreakerState::HalfOpen if probe => {
                inner.window.push(call);
                if inner.window.total() >= self.settings.probes && !self.open_if_over(&mut inner, 1) {
                    self.enter(&mut inner, BreakerState::Closed);
                }
            }
            BreakerState::ForcedHalfOpen if probe => {
                inner.window.push(call);
                inner.probes_given = inner.probes_given.saturating_sub(1);
            }
            // Calls that began before the breaker opened say nothing new.
            BreakerState::HalfOpen
            | BreakerState::ForcedHalfOpen
            | BreakerState::Open
            | BreakerState::Disabled
            | BreakerState::ForcedOpen => {}
        }
    }

    fn open_if_over(&self, inner: &mut Inner, minimum: u32) -> bool {
        let over = |rate: Option<f64>, limit: f64| rate.is_some_and(|rate| rate >= limit);
        let trips = over(inner.window.failure_rate(minimum), self.settings.failure_rate)
            || over(inner.window.slow_rate(minimum), self.settings.slow_call_rate);
        if trips {
            self.enter(inner, BreakerState::Open);
        }
        trips
    }

    fn enter(&self, inner: &mut Inner, state: BreakerState) {
        let now = Instant::now();
        if inner.state != state {
            inner.changes.note(inner.state, state, now);
            tracing::info!(
                breaker = self.name,
                from = inner.state.as_str(),
                to = state.as_str(),
                "breaker changed"
            );
        }
        inner.state = state;
        inner.since = now;
        inner.probes_given = 0;
        match state {
            // What opened the breaker stays visible while it is open.
            BreakerState::Open => inner.refused = 0,
            BreakerState::Closed
            | BreakerState::HalfOpen
            | BreakerState::Disabled
            | BreakerState::ForcedOpen
            | BreakerState::ForcedHalfOpen => inner.window.clear(),
        }
        self.passes.store(matches!(state, BreakerState::Closed | BreakerState::Disabled), Ordering::Release);
        self.changed.notify_one();
    }

    /// Obeys an operator.
    pub(super) fn command(&self, command: BreakerCommand) {
        let state = match command {
            BreakerCommand::Closed => BreakerState::Closed,
            BreakerCommand::ForcedOpen => BreakerState::ForcedOpen,
            BreakerCommand::Disabled => BreakerState::Disabled,
            BreakerCommand::ForcedHalfOpen => BreakerState::ForcedHalfOpen,
        };
        self.enter(&mut self.inner.lock(), state);
    }

    /// Moves from OPEN to HALF_OPEN when its time is over; says how long until then otherwise.
    pub(super) fn half_open_when_due(&self) -> Option<Duration> {
        let mut inner = self.inner.lock();
        if inner.state != BreakerState::Open {
            return None;
        }
        let rest = self.settings.open.saturating_sub(inner.since.elapsed());
        if rest.is_zero() {
            self.enter(&mut inner, BreakerState::HalfOpen);
            return None;
        }
        Some(rest)
    }

    /// Waits for the next change of state.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The breaker as operators see it.
    #[must_use]
    pub fn view(&self) -> BreakerView {
        let inner = self.inner.lock();
        let window = &inner.window;
        let percent = |rate: Option<f64>| format!("{:.2}%", rate.unwrap_or(-1.0));
        BreakerView {
            name: self.name,
            state: inner.state.as_str(),
            number_of_successful_calls: window.total() - window.failed,
            number_of_failed_calls: window.failed,
            number_of_slow_calls: window.slow,
            number_of_slow_successful_calls: window.slow - window.slow_failed,
            number_of_slow_failed_calls: window.slow_failed,
            number_of_buffered_calls: window.total(),
            number_of_not_permitted_calls: inner.refused,
            failure_rate: percent(window.failure_rate(self.settings.minimum_calls)),
            slow_call_rate: percent(window.slow_rate(self.settings.minimum_calls)),
            changes: inner.changes.view(Instant::now()),
        }
    }
}

impl Permit {
    /// The dependency did what it should.
    pub fn success(mut self) {
        self.settle(0);
    }

    /// The dependency did not, or not in time.
    pub fn failure(self) {
        self.failures(1);
    }

    /// The same for a call that stood for several: each of them failed. When it was a probe, it counts once.
    pub fn failures(mut self, calls: usize) {
        self.settle(calls.max(1));
    }

    fn settle(&mut self, failed: usize) {
        self.settled = true;
        self.gate.judge(failed, self.begun.elapsed(), self.probe);
    }
}

impl Drop for Permit {
    /// A call without a verdict (429, or its caller died) must not use a probe up for ever.
    fn drop(&mut self) {
        if !self.settled && self.probe {
            let mut inner = self.gate.inner.lock();
            inner.probes_given = inner.probes_given.saturating_sub(1);
        }
    }
}
