//! A payment's exchanges with the PG: what is under way and what is timed.
//!
//! Owns the delays between exchanges and that no operation has two at a time. Its memory may be lost at any moment:
//! the payment's due moment brings everything back with a question to the PG.

use std::collections::BTreeMap;
use std::time::Duration;

use payment_schema::effect::Effect;
use payment_schema::ids::OperationNo;
use payment_schema::rules::Rules;
use payment_schema::time::Timestamp;

use crate::supervision::TimerId;

/// What to do when a timer fires, or now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Send the attempt.
    Send,
    /// Ask about it.
    Query,
    /// Take the next attempt.
    Retry,
}

/// One operation's exchange.
#[derive(Debug, Default)]
struct Line {
    under_way: bool,
    timer: Option<TimerId>,
    /// Exchanges since the last one that told something, for the backoff.
    fruitless: u32,
}

/// What an effect means at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Exchange now.
    Now(OperationNo, Step),
    /// Later.
    After(OperationNo, Step, Duration),
    /// Somebody is at it.
    Nothing,
}

/// All exchanges of a payment.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    lines: BTreeMap<OperationNo, Line>,
}

impl Exchanges {
    /// What to do about an effect.
    pub(super) fn plan(&mut self, effect: Effect, rules: &Rules, now: Timestamp) -> Plan {
        let (no, step, delay) = match effect {
            Effect::Send(no) => (no, Step::Send, None),
            Effect::Query(no) => (no, Step::Query, None),
            Effect::SendLater(no) => (no, Step::Send, Some(self.next_delay(no, rules))),
            Effect::QueryLater(no) => (no, Step::Query, Some(self.next_delay(no, rules))),
            Effect::RetryAt(no, at) => (no, Step::Retry, Some(at.since(now))),
        };
        if self.lines.get(&no).is_some_and(|line| line.under_way) {
            return Plan::Nothing;
        }
        match delay {
            None => Plan::Now(no, step),
            Some(delay) => Plan::After(no, step, delay),
        }
    }

    fn next_delay(&mut self, no: OperationNo, rules: &Rules) -> Duration {
        let line = self.lines.entry(no).or_default();
        let delay = rules.query_delay(line.fruitless);
        line.fruitless = line.fruitless.saturating_add(1);
        delay
    }

    /// An exchange begins; a timer for one is to be taken back.
    pub(super) fn begin(&mut self, no: OperationNo) -> Option<TimerId> {
        let line = self.lines.entry(no).or_default();
        line.under_way = true;
        line.timer.take()
    }

    /// An exchange ended.
    pub(super) fn end(&mut self, no: OperationNo) {
        self.lines.entry(no).or_default().under_way = false;
    }

    /// A timer was set; an earlier one is to be taken back.
    pub(super) fn timed(&mut self, no: OperationNo, timer: TimerId) -> Option<TimerId> {
        self.lines.entry(no).or_default().timer.replace(timer)
    }

    /// A timer fired.
    pub(super) fn fired(&mut self, no: OperationNo) {
        self.lines.entry(no).or_default().timer = None;
    }

    /// Whether somebody is at the operation, or will be.
    pub(super) fn is_tended(&self, no: OperationNo) -> bool {
        self.lines.get(&no).is_some_and(|line| line.under_way || line.timer.is_some())
    }

    /// Whether nothing is under way or timed.
    pub(super) fn is_idle(&self) -> bool {
        self.lines.values().all(|line| !line.under_way && line.timer.is_none())
    }

    /// Forgets operations that are closed.
    pub(super) fn keep(&mut self, is_open: impl Fn(OperationNo) -> bool) -> Vec<TimerId> {
        let mut timers = Vec::new();
        self.lines.retain(|no, line| {
            let keep = line.under_way || is_open(*no);
            if !keep {
                timers.extend(line.timer.take());
            }
            keep
        });
        timers
    }

    /// A new attempt begins its own backoff.
    pub(super) fn reset_backoff(&mut self, no: OperationNo) {
        self.lines.entry(no).or_default().fruitless = 0;
    }
}
