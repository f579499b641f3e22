//! The face of the payment engine: the payments API for merchants and the operator API.
//!
//! Owns everything that is HTTP: routes, strict reading of requests, problem bodies, limits, the OpenAPI document
//! and the listeners. Never decides about money and never touches a store: it asks
//! [`payment_actors::api::PaymentsApi`] and [`payment_actors::api::OperatorApi`].

mod cursor;
mod exchange;
mod fields;
mod gate;
mod idempotency_key;
mod json;
mod keys;
mod page;
mod problem;
mod request;
mod routes;
mod success;
mod values;

pub mod operator;
pub mod public;
pub mod server;

pub use gate::{HttpMeter, Operation};
pub use keys::{Audience, Authenticator, KeyRing, Reach};
