//! What can be wrong with a configuration, as sentences for operators.

use std::path::PathBuf;

use super::layers::Given;
use super::setting::Setting;

/// Why there is no configuration. Each message is one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {cause}; check --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        cause: String,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not TOML: {cause}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, with the line.
        cause: String,
    },
    /// There is no such key.
    #[error("there is no key {key} ({origin}){}; `payment-engine config --keys` lists all", meant(nearest.as_deref()))]
    UnknownKey {
        /// As it was given.
        key: String,
        /// Where.
        origin: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A key has a value that is not allowed.
    #[error("{key} = {value} ({origin}) is not allowed: it must be {allowed}")]
    NotAllowed {
        /// The key.
        key: String,
        /// Its value as given.
        value: String,
        /// Where.
        origin: String,
        /// What is allowed.
        allowed: String,
    },
    /// Values that are allowed alone do not go together.
    #[error("{0}")]
    Contradiction(String),
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean {key}?")).unwrap_or_default()
}

impl ConfigError {
    pub(super) fn not_allowed<T: Setting>(key: &str, given: &Given) -> Self {
        // A URL may hold a password, and what is not a URL may still be one that was mistyped.
        let secret = key.ends_with(".url") || matches!(key, "store.shards" | "broker.options");
        let value = if secret { "(hidden)".to_owned() } else { given.shown() };
        Self::NotAllowed {
            key: key.to_owned(),
            value,
            origin: given.origin.to_string(),
            allowed: T::FORM.to_owned(),
        }
    }
}
