//! Why a command could not do its work: one sentence with the cause and, where there is one, the remedy.

use std::fmt::Display;

/// One sentence for whoever called the program.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

impl Failure {
    /// A sentence of its own.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What could not be done, to be completed with the cause: `.map_err(Failure::because("no clock"))`.
    pub(crate) fn because<E: Display>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |cause| Self(format!("{what}: {cause}"))
    }
}
