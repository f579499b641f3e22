//! The check decides what it says it decides: lives that went right are clean, and each way of going wrong is found
//! under the right invariant, naming the payment.

mod books;
mod clean;
mod corrupt;
mod over_http;
