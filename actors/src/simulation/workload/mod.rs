//! Who lives in a simulated world: merchants' clients, operators, and misfortune.
//!
//! Owns what they do, drawn from the seed. Whether what they hear is right is the auditor's to say; they only
//! record it.

mod client;
mod life;
mod misfortune;
mod operator;
mod requests;

pub(super) use client::Client;
pub(super) use misfortune::{LONGEST_STORM, Misfortune};
pub(super) use operator::Operator;
