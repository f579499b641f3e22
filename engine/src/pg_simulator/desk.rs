//! Per worker: which operations finish when.
//!
//! Every worker has a desk of its own with one timer, so that taking in an operation costs a push onto a heap,
//! and everything that falls due in the same millisecond is concluded with one write to the record. Operations
//! finish here whether or not their client still waits. It never decides an outcome.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::gateway::Gateway;
use super::operation::OperationKey;

/// The operations that one worker took in, soonest first; the number keeps arrivals of one instant in order.
type Agenda = BinaryHeap<Reverse<(Instant, u64, OperationKey)>>;

/// Concludes operations after their processing time.
pub(super) struct Desk {
    gateway: Arc<Gateway>,
    agenda: RefCell<Agenda>,
    arrivals: Cell<u64>,
    /// Told when something falls due before what the timer waits for.
    sooner: Notify,
}

impl Desk {
    /// Opens a desk on the current worker; it works until `stop` turns true or the simulator is gone.
    pub(super) fn open(gateway: Arc<Gateway>, stop: watch::Receiver<bool>) -> Rc<Self> {
        let desk = Rc::new(Self {
            gateway,
            agenda: RefCell::default(),
            arrivals: Cell::new(0),
            sooner: Notify::new(),
        });
        actix_web::rt::spawn(Rc::clone(&desk).work(stop));
        desk
    }

    /// Has the operation concluded after `latency`.
    pub(super) fn schedule(&self, key: OperationKey, latency: Duration) {
        let due = Instant::now() + latency;
        let arrival = self.arrivals.get();
        self.arrivals.set(arrival + 1);
        let mut agenda = self.agenda.borrow_mut();
        let sooner = agenda.peek().is_none_or(|Reverse((next, ..))| due < *next);
        agenda.push(Reverse((due, arrival, key)));
        if sooner {
            self.sooner.notify_one();
        }
    }

    async fn work(self: Rc<Self>, mut stop: watch::Receiver<bool>) {
        let mut due = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = self.next_due() => {}
                () = self.sooner.notified() => continue,
            }
            self.take_due(&mut due);
            self.gateway.conclude(&due);
            due.clear();
        }
    }

    async fn next_due(&self) {
        let next = self.agenda.borrow().peek().map(|Reverse((at, ..))| *at);
        match next {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    fn take_due(&self, due: &mut Vec<OperationKey>) {
        let now = Instant::now();
        let mut agenda = self.agenda.borrow_mut();
        while agenda.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
            due.extend(agenda.pop().map(|Reverse((.., key))| key));
        }
    }
}
