//! The ledger: a consumer of the event log that posts double entries.
//!
//! Owns the way from a published fact to its movement. What cannot be posted becomes a dead letter and the
//! partition goes on; while the store is away it waits and drops nothing. Offsets are kept only after the effect,
//! so a record may come twice; the ledger's unique keys make the second time harmless.

mod consumer;
pub mod poison;

pub use consumer::{Ledger, LedgerMessage};
