//! Why a transition happened.
//!
//! Owns the causes that history shows. A reason is free text of an operator or client, or a fixed word.

use serde::{Deserialize, Serialize};

/// What kind of thing caused a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// A client's request.
    Api,
    /// The PG's answer to a request.
    PgAnswer,
    /// The PG's answer to a question about an earlier request.
    PgQuery,
    /// The next try after a negative.
    Retry,
    /// An age limit.
    Expiry,
    /// Work taken up again after a crash.
    Recovery,
    /// An operator.
    Operator,
}

impl CauseKind {
    /// The kind's name on the outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::PgAnswer => "pg-answer",
            Self::PgQuery => "pg-query",
            Self::Retry => "retry",
            Self::Expiry => "expiry",
            Self::Recovery => "recovery",
            Self::Operator => "operator",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Api, Self::PgAnswer, Self::PgQuery, Self::Retry, Self::Expiry, Self::Recovery, Self::Operator]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// Why a transition happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What kind of thing it was.
    pub kind: CauseKind,
    /// In words: `capture`, `declined: DO_NOT_HONOR`, an operator's reason.
    pub reason: Option<Box<str>>,
}

impl Cause {
    /// A cause in words.
    #[must_use]
    pub fn new(kind: CauseKind, reason: impl Into<Box<str>>) -> Self {
        Self { kind, reason: Some(reason.into()) }
    }
}
