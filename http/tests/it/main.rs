//! The face of the engine, driven through HTTP against fakes of what is behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod bad_input;
mod commands;
mod guide;
mod headers;
mod keys;
mod openapi;
mod operator;
mod pages;
mod raw_socket;
mod reads;
mod support;
