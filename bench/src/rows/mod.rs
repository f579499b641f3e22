//! Rows as the engine writes them, made without it.
//!
//! Owns what a payment's steps leave in the tables. Never talks to a store.

mod cell;
mod life;
mod table;
mod write;

pub(crate) use cell::Cell;
pub(crate) use life::{Course, Life, Lives, Step};
pub(crate) use table::{
    Dialect, Row, Table, answer, headers, key, ledger, outbox, payload, payment, requests, transitions,
};
pub(crate) use write::Write;
