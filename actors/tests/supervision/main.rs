//! The supervision layer through its public surface, in virtual time on one thread.

mod basics;
mod support;
