//! The loop that makes the load: what is due is sent, what is answered is counted.
//!
//! Owns time. One thread waits for sockets and for the next due moment at once; besides that wait a request costs one
//! write and one read. What is due is also sent whenever an answer wakes the loop, so that at high rates requests do
//! not wait for the clock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::iter::Peekable;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::alarm::{ALARM, Alarm};
use super::flow::{Job, Next, Step, Told};
use super::habit::Habit;
use super::mix::Mix;
use super::pool::{Outcome, Pool};
use super::progress::Progress;
use super::request::Requests;
use super::response::Answer;
use super::schedule::Due;
use super::tally::{Silence, Tally};
use crate::failure::Failure;

/// A flow that begins this much after it was due is counted as a late start.
const LATE: Duration = Duration::from_millis(10);

/// How often requests that take too long are looked for.
const SWEEP: Duration = Duration::from_millis(100);

/// How many sockets are told of at a time.
const EVENTS: usize = 512;

/// How long requests and flows may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For one request, from when it was sent.
    pub(crate) request: Duration,
    /// For flows to end after the last has begun.
    pub(crate) tail: Duration,
}

/// A job that waits for its moment, earliest first.
struct Later(Job, u64);

impl Later {
    fn key(&self) -> Reverse<(Instant, u64)> {
        Reverse((self.0.due, self.1))
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Later {}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// A load under way.
pub(crate) struct Driver<D: Iterator<Item = Due>> {
    poll: Poll,
    alarm: Alarm,
    pub(crate) pool: Pool,
    requests: Requests,
    mix: Mix,
    habit: Habit,
    begun: Instant,
    dues: Peekable<D>,
    ready: VecDeque<Job>,
    later: BinaryHeap<Later>,
    sequence: u64,
    patience: Patience,
    /// One for each stretch of the schedule.
    pub(crate) tallies: Vec<Tally>,
    pub(crate) progress: Progress,
}

impl<D: Iterator<Item = Due>> Driver<D> {
    /// A load that begins now.
    ///
    /// # Errors
    /// When the system has no means to wait for sockets.
    pub(crate) fn new(
        pool: Pool,
        requests: Requests,
        mix: Mix,
        dues: D,
        stretches: usize,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let poll = Poll::new().map_err(Failure::because("sockets cannot be waited for"))?;
        let alarm = Alarm::new(poll.registry()).map_err(Failure::because("there is no timer"))?;
        let begun = Instant::now();
        Ok(Self {
            poll,
            alarm,
            pool,
            requests,
            mix,
            habit: Habit::default(),
            begun,
            dues: dues.peekable(),
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            sequence: 0,
            patience,
            tallies: vec![Tally::default(); stretches],
            progress: Progress::new(begun),
        })
    }

    /// Goes on until this long after the beginning, or until everything is done.
    ///
    /// # Errors
    /// When sockets can no longer be waited for.
    pub(crate) fn run_until(&mut self, end: Duration) -> Result<(), Failure> {
        let end = self.begun + end;
        let mut events = Events::with_capacity(EVENTS);
        let mut next_sweep = self.begun;
        loop {
            let now = Instant::now();
            if now >= end || self.is_done() {
                return Ok(());
            }
            self.release(now);
            self.dispatch(now);
            if now >= next_sweep {
                next_sweep = now + SWEEP;
                self.sweep(now);
            }
            let wake = self.next_moment().map_or(next_sweep, |next| next.min(next_sweep)).min(end);
            self.wait(wake, &mut events)?;
            for event in &events {
                if event.token() == ALARM {
                    self.alarm.rang();
                } else {
                    let outcome = self.pool.look(event.token());
                    self.settle(outcome);
                }
            }
        }
    }

    /// Waits until something happens to a socket, or for this moment.
    fn wait(&mut self, wake: Instant, events: &mut Events) -> Result<(), Failure> {
        let failed = || Failure::because("sockets cannot be waited for");
        let most = self.alarm.set(wake, Instant::now()).map_err(failed())?;
        match self.poll.poll(events, Some(most)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Err(failed()(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Begins to count the tail: what is still under way may take this long from now on.
    ///
    /// # Errors
    /// When sockets can no longer be waited for.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let end = self.begun.elapsed() + self.patience.tail;
        self.run_until(end)?;
        self.abandon();
        Ok(())
    }

    /// How long the load has lasted.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn is_done(&mut self) -> bool {
        self.ready.is_empty() && self.later.is_empty() && self.pool.busy == 0 && self.dues.peek().is_none()
    }

    fn next_moment(&mut self) -> Option<Instant> {
        let begins = self.dues.peek().map(|due| self.begun + due.at);
        let goes_on = self.later.peek().map(|later| later.0.due);
        begins.into_iter().chain(goes_on).min()
    }

    /// Moves what is due to where it is sent from.
    fn release(&mut self, now: Instant) {
        while let Some(due) = self.dues.next_if(|due| self.begun + due.at <= now) {
            let job = self.mix.next(due.stretch, self.begun + due.at);
            self.tallies[due.stretch].flows_begun += u64::from(job.step == Step::Authorize);
            self.ready.push_back(job);
        }
        while self.later.peek().is_some_and(|later| later.0.due <= now) {
            self.ready.extend(self.later.pop().map(|later| later.0));
        }
    }

    fn dispatch(&mut self, now: Instant) {
        while self.pool.has_room() {
            let Some(job) = self.ready.pop_front() else { return };
            if is_first(job.step) && !job.resent {
                let late = now.saturating_duration_since(job.due);
                let tally = &mut self.tallies[job.stretch];
                tally.sent_late.record(late);
                tally.late_starts += u64::from(late > LATE);
            }
            let outcome = self.pool.send(job, now, &mut self.requests, self.poll.registry());
            self.settle(outcome);
        }
    }

    fn settle(&mut self, outcome: Option<Outcome>) {
        match outcome {
            None => {}
            Some(Outcome::Stale(job)) => self.ready.push_front(job),
            Some(Outcome::Broken(job, how)) => self.silent(job, Silence::Broken(how), Instant::now()),
            Some(Outcome::Answered(job, answer, place)) => {
                let now = Instant::now();
                let told =
                    if job.listens() { Told::read(self.pool.body(place, &answer)) } else { Told::default() };
                self.pool.rest(place, answer.keep_alive);
                self.answered(job, &answer, &told, now);
                // The wait for other sockets' answers should not hold up what is due.
                self.release(now);
                self.dispatch(now);
            }
        }
    }

    fn answered(&mut self, job: Job, answer: &Answer, told: &Told, now: Instant) {
        let status = answer.status;
        let took = now.saturating_duration_since(job.due);
        let tally = &mut self.tallies[job.stretch];
        tally.answered(job.step, status, answer.retry_after, took);
        if is_first(job.step) {
            tally.first_answered(job.step, status, now - self.begun);
            self.progress.answered(took);
        }
        if job.step == Step::Authorize {
            self.mix.answered(job.number, status);
        }
        let next = job.after(status, told, now, &mut self.habit);
        self.go_on(job, next, now);
    }

    fn silent(&mut self, job: Job, silence: Silence, now: Instant) {
        let took = now.saturating_duration_since(job.due);
        self.tallies[job.stretch].silent(job.step, silence, took);
        if is_first(job.step) {
            self.progress.answered(took);
        }
        self.go_on(job, job.after_silence(now), now);
    }

    fn go_on(&mut self, job: Job, next: Next, now: Instant) {
        let tally = &mut self.tallies[job.stretch];
        match next {
            Next::Ask(next) if next.due <= now => self.ready.push_back(next),
            Next::Ask(next) => {
                self.sequence += 1;
                self.later.push(Later(next, self.sequence));
            }
            // Replays and wrong requests are no flows.
            Next::Completed if matches!(job.step, Step::Replay { .. } | Step::Wrong(_)) => {}
            Next::Completed => {
                tally.flows_completed += 1;
                tally.completion.record(now.saturating_duration_since(job.begun));
            }
            Next::Declined | Next::Ended => {}
        }
    }

    fn sweep(&mut self, now: Instant) {
        for job in self.pool.give_up(now, self.patience.request) {
            self.silent(job, Silence::TimedOut, now);
        }
        let under_way = self.pool.busy + self.ready.len() + self.later.len();
        self.progress.tick(now, under_way, &self.tallies);
    }

    /// Counts what the tail did not end: reads as unfinished flows, all else as errors.
    fn abandon(&mut self) {
        let now = Instant::now();
        let waiting: Vec<Job> = self.ready.drain(..).chain(self.later.drain().map(|later| later.0)).collect();
        let under_way = self.pool.give_up(now, Duration::ZERO);
        let cut = under_way.into_iter().map(|job| (job, Silence::TimedOut));
        for (job, silence) in waiting.into_iter().map(|job| (job, Silence::Unsent)).chain(cut) {
            if matches!(job.step, Step::Read(_)) {
                self.tallies[job.stretch].flows_unfinished += 1;
            } else {
                let took = now.saturating_duration_since(job.due);
                self.tallies[job.stretch].silent(job.step, silence, took);
            }
        }
    }
}

/// Whether it is the request that was due by the schedule, and not one that follows from an answer.
fn is_first(step: Step) -> bool {
    match step {
        Step::Authorize | Step::Replay { .. } | Step::Wrong(_) => true,
        Step::Capture | Step::Refund | Step::Read(_) => false,
    }
}
