//! A meter that remembers.

use std::time::Duration;

use parking_lot::Mutex;
use payment_http::{HttpMeter, Operation};

#[derive(Default)]
pub(crate) struct MeterLog {
    finished: Mutex<Vec<(Operation, &'static str)>>,
    in_flight: Mutex<Vec<usize>>,
}

impl MeterLog {
    pub(crate) fn finished(&self) -> Vec<(Operation, &'static str)> {
        self.finished.lock().clone()
    }

    pub(crate) fn in_flight(&self) -> Vec<usize> {
        self.in_flight.lock().clone()
    }
}

impl HttpMeter for MeterLog {
    fn request_finished(&self, operation: Operation, outcome: &'static str, _: Duration) {
        self.finished.lock().push((operation, outcome));
    }

    fn requests_in_flight(&self, now: usize) {
        self.in_flight.lock().push(now);
    }
}
