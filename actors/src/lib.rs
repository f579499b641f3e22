//! The behaviour of the payment engine: the supervision layer, the actors, and the ports through which they
//! reach the world.
//!
//! Owns everything that happens between a request and its durable, published outcome. Never touches a database,
//! a socket, a clock or a random source except through [`ports`].

pub mod api;
pub mod ports;
pub mod supervision;
