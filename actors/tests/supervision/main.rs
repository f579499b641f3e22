//! The supervision layer through its public surface, in virtual time on one thread.

mod background;
mod basics;
mod chaos;
mod children;
mod escalation;
mod matrix;
mod placement;
mod shutdown;
mod support;
mod tree;
