//! The doors of the engine: what HTTP asks, put to the actors.
//!
//! Owns the order of checks for clients (rate limit, key, payment, state, amount), the request deadline, and the
//! answers to repeats. Never decides about a payment; its actor does.

mod operator;
mod payments;

pub use operator::OperatorService;
pub use payments::PaymentService;

use payment_schema::problem::ProblemCode;

use crate::api::Refusal;
use crate::ports::StoreError;

/// What a reader hears when the store does not answer.
fn unreadable(cause: &StoreError) -> Refusal {
    tracing::warn!(%cause, "store not readable");
    let detail = "the store does not answer; try again in a moment";
    Refusal::for_now(ProblemCode::StoreUnavailable, detail, std::time::Duration::from_secs(1))
}
