//! A payment gateway that keeps its own books: the engine's counterpart when no real one is at hand, and the
//! oracle that says afterwards how often money really moved.
//!
//! It owns an HTTP server with its own workers, the durable record of every operation it answered, the holds
//! that follow from that record, and the faults a test scripted. It never shares code or state with the
//! engine's own view of a payment: a rule that both sides took from one place could not show a mistake in it.
//!
//! | file | what it holds |
//! |---|---|
//! | `options` | where to listen, where to keep the record, how fast and how reliable to be |
//! | `server`, `routes` | start, stop and the HTTP face |
//! | `request`, `answer`, `operation`, `error` | what goes over the wire |
//! | `desk` | per worker: which operations finish when |
//! | `gateway` | one lock around everything below, and the way in |
//! | `operations` | operations in progress, and how they are settled |
//! | `rules` | what a gateway approves, as a pure function |
//! | `books`, `holds` | what the record amounts to: known keys, holds, cancelled authorizations |
//! | `record` | the append-only file |
//! | `faults`, `spoiled`, `waiting` | scripted faults, how they look on the wire, what they keep back |

mod answer;
mod books;
mod chance;
mod desk;
mod error;
mod faults;
mod gateway;
mod holds;
mod operation;
mod operations;
mod options;
mod record;
mod request;
mod routes;
mod rules;
mod server;
mod spoiled;
mod waiting;

pub use error::StartError;
pub use options::{Behaviour, PgSimulatorOptions, Profile};
pub use record::RECORD_FILE;
pub use server::{PgSimulator, PgSimulatorHandle};
