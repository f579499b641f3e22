//! The house rules, as tests over the source tree itself.
//!
//! Owns what neither the compiler nor clippy can say: what actors may not touch, how long things may get, how
//! messages are worded, and whether documents tell the truth about files. Each rule is a function from a [`Tree`]
//! to findings, and has a test that feeds it a bad tree: a rule that cannot fail is no rule. Never checks what
//! clippy checks.
//!
//! [`Tree`]: tree::Tree

mod arrows;
mod banned;
mod commands;
mod compiler;
mod finding;
mod first_payment;
mod heads;
mod layout;
mod lengths;
mod links;
mod markdown;
mod mentions;
mod messages;
mod pages;
mod source;
mod tree;
mod words;
