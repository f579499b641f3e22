//! The vocabulary of payments: values, states, commands, transitions, events, problem codes, and the pure
//! rules ([`decide`]) that say what may happen to a payment's money.
//!
//! Owns every type that crosses a crate boundary. Never does I/O, never reads a clock, never draws randomness:
//! time and jitter are arguments.

pub mod api_key;
pub mod card_number;
pub mod cause;
pub mod command;
pub mod currency;
pub mod dead_letter;
pub mod decide;
pub mod effect;
pub mod event;
pub mod fingerprint;
pub mod ids;
pub mod invariant;
pub mod ledger;
pub mod money;
pub mod operation;
pub mod payment;
pub mod pg;
pub mod problem;
pub mod representation;
pub mod rules;
pub mod status;
pub mod text;
pub mod time;
pub mod topic;
pub mod transition;
