//! The way into the payments API: counts what is inside and turns away what is too much.
//!
//! Owns the in-flight count, load shedding and the measurements of each request. Health and documentation do not
//! pass here, so that a full engine can still be asked how it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use payment_actors::ports::random::Random;
use payment_schema::problem::ProblemCode;
use tokio::time::Instant;

use crate::exchange::{Exchange, conduct};
use crate::problem::Problem;

/// An operation of the payments API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /api/payments/authorize`
    Authorize,
    /// `POST /api/payments/capture/{paymentId}`
    Capture,
    /// `POST /api/payments/refund/{paymentId}`
    Refund,
    /// `POST /api/payments/cancel/{paymentId}`
    Cancel,
    /// `GET /api/payments/{paymentId}`
    Payment,
    /// `GET /api/payments/{paymentId}/history`
    History,
    /// `GET /api/payments`
    List,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 7] = [
        Self::Authorize,
        Self::Capture,
        Self::Refund,
        Self::Cancel,
        Self::Payment,
        Self::History,
        Self::List,
    ];

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
            Self::Payment => "payment",
            Self::History => "history",
            Self::List => "list",
        }
    }
}

/// Takes the measurements of the payments API.
pub trait HttpMeter: Send + Sync {
    /// A request ended. `outcome` is `ok`, `accepted` (202), `declined` (402), `abandoned` (the client left before
    /// the response), `HEAD_TOO_LARGE` (431), or the problem code: a bounded set.
    fn request_finished(&self, operation: Operation, outcome: &'static str, took: Duration);

    /// So many requests are being worked on.
    fn requests_in_flight(&self, now: usize);
}

/// Lets requests in.
pub(crate) struct Gate {
    random: Arc<dyn Random>,
    meter: Arc<dyn HttpMeter>,
    most: usize,
    /// Shared by all workers of the listener.
    inside: AtomicUsize,
}

impl Gate {
    pub(crate) fn new(random: Arc<dyn Random>, meter: Arc<dyn HttpMeter>, most: usize) -> Self {
        Self { random, meter, most, inside: AtomicUsize::new(0) }
    }

    /// Runs a handler, unless too many run already.
    pub(crate) async fn admit<W>(&self, operation: Operation, request: &HttpRequest, work: W) -> HttpResponse
    where
        W: AsyncFnOnce(&Exchange) -> Result<HttpResponse, Problem>,
    {
        let mut visit = Visit::begin(self, operation);
        let full = visit.inside > self.most;
        let conducted =
            conduct(
                &*self.random,
                request,
                async |exchange| {
                    if full { Err(overloaded()) } else { work(exchange).await }
                },
            )
            .await;
        visit.outcome = match conducted.refused {
            Some(code) => code.as_str(),
            None => outcome_of(conducted.response.status().as_u16()),
        };
        conducted.response
    }
}

fn overloaded() -> Problem {
    let detail = "the engine has as many requests as it can take; nothing was done, try again shortly";
    Problem::new(ProblemCode::Overloaded, detail)
}

/// Answers to committed outcomes come as bytes; their status tells which they are.
fn outcome_of(status: u16) -> &'static str {
    match status {
        202 => "accepted",
        402 => "declined",
        409 => ProblemCode::AuthorizationCancelled.as_str(),
        431 => "HEAD_TOO_LARGE",
        _ => "ok",
    }
}

/// A request inside. Its end is counted by `Drop`, because actix drops the handler of a client that left.
struct Visit<'a> {
    gate: &'a Gate,
    operation: Operation,
    began: Instant,
    /// How many there are, this one included.
    inside: usize,
    outcome: &'static str,
}

impl<'a> Visit<'a> {
    fn begin(gate: &'a Gate, operation: Operation) -> Self {
        let inside = gate.inside.fetch_add(1, Ordering::Relaxed) + 1;
        gate.meter.requests_in_flight(inside);
        Self { gate, operation, began: Instant::now(), inside, outcome: "abandoned" }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let inside = self.gate.inside.fetch_sub(1, Ordering::Relaxed) - 1;
        self.gate.meter.requests_in_flight(inside);
        self.gate.meter.request_finished(self.operation, self.outcome, self.began.elapsed());
    }
}
