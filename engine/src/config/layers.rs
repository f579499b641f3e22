//! Where values come from, one layer over the other: defaults, file, environment, flags.
//!
//! Owns the merge and the origin of every value. Never interprets a value; sections do.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::setting::Setting;

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: the built-in default.
    Default,
    /// In the configuration file.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
    /// By a command-line flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value as it was given. It may be a secret, so nothing here can be printed by accident: no `Debug`.
enum Raw {
    Toml(toml::Value),
    Text(String),
}

/// A value and where it was given.
pub struct Given {
    raw: Raw,
    /// Where it was given.
    pub origin: Origin,
}

impl Given {
    /// A value out of the configuration file.
    #[must_use]
    pub fn in_file(value: toml::Value, path: PathBuf) -> Self {
        Self { raw: Raw::Toml(value), origin: Origin::File(path) }
    }

    /// The text of an environment variable or a flag.
    #[must_use]
    pub fn as_text(text: String, origin: Origin) -> Self {
        Self { raw: Raw::Text(text), origin }
    }

    /// The value as a setting's type; `None` when it is not allowed.
    #[must_use]
    pub fn read<T: Setting>(&self) -> Option<T> {
        match &self.raw {
            Raw::Toml(value) => T::from_toml(value),
            Raw::Text(text) => T::from_text(text),
        }
    }

    /// The value as it was written, for messages about keys that hold no secret.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.raw {
            Raw::Toml(value) => value.to_string(),
            Raw::Text(text) => format!("{text:?}"),
        }
    }
}

/// All that was given, by key (`section.name`); a later layer replaces what an earlier one gave.
#[derive(Default)]
pub struct Layers(BTreeMap<String, Given>);

impl Layers {
    /// Lays a value over what is there.
    pub fn put(&mut self, key: impl Into<String>, given: Given) {
        self.0.insert(key.into(), given);
    }

    /// The topmost value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Given> {
        self.0.get(key)
    }

    /// Where each key that was given was given.
    #[must_use]
    pub fn origins(&self) -> BTreeMap<String, Origin> {
        self.0.iter().map(|(key, given)| (key.clone(), given.origin.clone())).collect()
    }

    /// Where a key's value was given.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.get(key).map_or(Origin::Default, |given| given.origin.clone())
    }
}
