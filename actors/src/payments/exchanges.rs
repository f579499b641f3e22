//! A payment's exchanges with the PG: what is under way and what is timed.
//!
//! Owns the delays between exchanges and that no operation has two at a time. Its memory may be lost at any moment:
//! the payment's due moment brings everything back with a question to the PG.

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
#[derive(Debug)]
struct Line {
    no: OperationNo,
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

/// All exchanges of a payment: one at a time for most, none while it rests.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    lines: Vec<Line>,
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
        if self.find(no).is_some_and(|line| line.under_way) {
            return Plan::Nothing;
        }
        match delay {
            None => Plan::Now(no, step),
            Some(delay) => Plan::After(no, step, delay),
        }
    }

    fn find(&self, no: OperationNo) -> Option<&Line> {
        self.lines.iter().find(|line| line.no == no)
    }

    fn line(&mut self, no: OperationNo) -> &mut Line {
        let known = self.lines.iter().position(|line| line.no == no);
        let place = known.unwrap_or_else(|| {
            self.lines.reserve_exact(1);
            self.lines.push(Line { no, under_way: false, timer: None, fruitless: 0 });
            self.lines.len() - 1
        });
        &mut self.lines[place]
    }

    fn next_delay(&mut self, no: OperationNo, rules: &Rules) -> Duration {
        let line = self.line(no);
        let delay = rules.query_delay(line.fruitless);
        line.fruitless = line.fruitless.saturating_add(1);
        delay
    }

    /// An exchange begins; a timer for one is to be taken back.
    pub(super) fn begin(&mut self, no: OperationNo) -> Option<TimerId> {
        let line = self.line(no);
        line.under_way = true;
        line.timer.take()
    }

    /// An exchange ended.
    pub(super) fn end(&mut self, no: OperationNo) {
        self.line(no).under_way = false;
    }

    /// A timer was set; an earlier one is to be taken back.
    pub(super) fn timed(&mut self, no: OperationNo, timer: TimerId) -> Option<TimerId> {
        self.line(no).timer.replace(timer)
    }

    /// A timer fired.
    pub(super) fn fired(&mut self, no: OperationNo) {
        self.line(no).timer = None;
    }

    /// Whether somebody is at the operation, or will be.
    pub(super) fn is_tended(&self, no: OperationNo) -> bool {
        self.find(no).is_some_and(|line| line.under_way || line.timer.is_some())
    }

    /// Whether nothing is under way or timed.
    pub(super) fn is_idle(&self) -> bool {
        self.lines.iter().all(|line| !line.under_way && line.timer.is_none())
    }

    /// Forgets operations that are closed.
    pub(super) fn keep(&mut self, is_open: impl Fn(OperationNo) -> bool) -> Vec<TimerId> {
        let mut timers = Vec::new();
        self.lines.retain_mut(|line| {
            let keep = line.under_way || is_open(line.no);
            if !keep {
                timers.extend(line.timer.take());
            }
            keep
        });
        if self.lines.is_empty() {
            self.lines = Vec::new();
        }
        timers
    }

    /// A new attempt begins its own backoff.
    pub(super) fn reset_backoff(&mut self, no: OperationNo) {
        self.line(no).fruitless = 0;
    }
}
