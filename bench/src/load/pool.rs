//! The connections and what is under way on them.
//!
//! Owns their number and their ends. The connection used last is used next: a server sees no more of them than it
//! needs to be asked at once. Opened when there is no idle one, up to a bound; beyond it requests wait, and their
//! latency goes on counting.

use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::connection::{Break, Connection, Seen};
use super::flow::Job;
use super::request::Requests;
use super::response::Answer;
use super::target::Target;

/// A request under way.
#[derive(Clone, Copy)]
struct UnderWay {
    job: Job,
    sent: Instant,
}

/// A place for a connection.
#[derive(Default)]
struct Slot {
    connection: Option<Connection>,
    under_way: Option<UnderWay>,
}

/// What became of a request.
pub(crate) enum Outcome {
    /// It was answered, on the connection at this place: call [`Pool::rest`] once its body was read.
    Answered(Job, Answer, usize),
    /// It was not.
    Broken(Job, Break),
    /// It was sent on a connection that the server had closed meanwhile, and may be sent again on another.
    Stale(Job),
}

/// All connections to one server.
pub(crate) struct Pool {
    target: Target,
    slots: Vec<Slot>,
    most: usize,
    idle: Vec<usize>,
    vacant: Vec<usize>,
    /// How many were opened.
    pub(crate) opened: u64,
    /// The highest number at a time.
    pub(crate) peak: usize,
    /// Requests under way.
    pub(crate) busy: usize,
}

impl Pool {
    pub(crate) fn new(target: Target, most: usize) -> Self {
        let vacant = (0..most).rev().collect();
        let slots = std::iter::repeat_with(Slot::default).take(most).collect();
        Self { target, slots, most, idle: Vec::new(), vacant, opened: 0, peak: 0, busy: 0 }
    }

    /// Whether a request can be sent now.
    pub(crate) fn has_room(&self) -> bool {
        !self.idle.is_empty() || !self.vacant.is_empty()
    }

    /// Sends a job's request. Call only when there is room.
    pub(crate) fn send(
        &mut self,
        job: Job,
        now: Instant,
        requests: &mut Requests,
        registry: &Registry,
    ) -> Option<Outcome> {
        let index = match self.idle.pop() {
            Some(index) => index,
            None => match self.open(registry) {
                Some(index) => index,
                None => return Some(Outcome::Broken(job, Break::Connect)),
            },
        };
        let slot = &mut self.slots[index];
        let connection = slot.connection.as_mut().expect("idle places hold a connection");
        slot.under_way = Some(UnderWay { job, sent: now });
        self.busy += 1;
        let seen = connection.send(|out| requests.render(&job, out));
        self.settle(index, seen)
    }

    fn open(&mut self, registry: &Registry) -> Option<usize> {
        let index = self.vacant.pop()?;
        match Connection::open(self.target.address, registry, Token(index)) {
            Ok(connection) => {
                self.slots[index].connection = Some(connection);
                self.opened += 1;
                self.peak = self.peak.max(self.most - self.vacant.len());
                Some(index)
            }
            Err(_) => {
                self.vacant.push(index);
                None
            }
        }
    }

    /// Looks at the connection that something happened to.
    pub(crate) fn look(&mut self, token: Token) -> Option<Outcome> {
        let seen = self.slots[token.0].connection.as_mut()?.look();
        self.settle(token.0, seen)
    }

    /// The body of the answer that [`Pool::look`] brought; its connection has not been used since.
    pub(crate) fn body<'a>(&'a self, place: usize, answer: &'a Answer) -> &'a [u8] {
        self.slots[place].connection.as_ref().map_or(&[], |connection| connection.body(answer))
    }

    /// The connection may be used for the next request, or is closed when the answer said so.
    pub(crate) fn rest(&mut self, place: usize, keep_alive: bool) {
        if keep_alive { self.idle.push(place) } else { self.close(place) }
    }

    fn settle(&mut self, index: usize, seen: Seen) -> Option<Outcome> {
        match seen {
            Seen::Nothing => None,
            Seen::Answer(answer) => {
                let under_way = self.slots[index].under_way.take()?;
                self.busy -= 1;
                Some(Outcome::Answered(under_way.job, answer, index))
            }
            Seen::Broken(how) => {
                let served = self.slots[index].connection.as_ref().map_or(0, |connection| connection.served);
                let under_way = self.slots[index].under_way.take();
                self.close(index);
                let UnderWay { job, .. } = under_way?;
                self.busy -= 1;
                let stale = served > 0 && how == (Break::Closed { answering: false }) && !job.resent;
                Some(if stale {
                    Outcome::Stale(Job { resent: true, ..job })
                } else {
                    Outcome::Broken(job, how)
                })
            }
        }
    }

    fn close(&mut self, index: usize) {
        self.slots[index].connection = None;
        self.idle.retain(|idle| *idle != index);
        self.vacant.push(index);
    }

    /// Gives up what has been under way for too long, and its connections.
    pub(crate) fn give_up(&mut self, now: Instant, patience: Duration) -> Vec<Job> {
        let is_over = |slot: &Slot| {
            slot.under_way.as_ref().is_some_and(|under_way| now.duration_since(under_way.sent) >= patience)
        };
        let over: Vec<usize> = (0..self.slots.len()).filter(|index| is_over(&self.slots[*index])).collect();
        let mut jobs = Vec::with_capacity(over.len());
        for index in over {
            jobs.extend(self.slots[index].under_way.take().map(|under_way| under_way.job));
            self.busy -= 1;
            self.close(index);
        }
        jobs
    }
}
