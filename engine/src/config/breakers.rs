//! One section per circuit breaker.
//!
//! Owns the breakers' names as the configuration knows them.

use std::collections::BTreeMap;

use super::ConfigError;
use super::layers::Layers;
use super::section::Section;
use super::sections::Breaker;

/// The breakers that can be configured: `breakers.NAME`.
pub(super) const NAMES: [&str; 5] = ["kafka-publisher", "pg-authorize", "pg-capture", "pg-refund", "pg-void"];

/// Every breaker's settings, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakers(BTreeMap<&'static str, Breaker>);

impl Breakers {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let read = |name: &'static str| Ok((name, Breaker::read(&section(name), layers)?));
        NAMES.into_iter().map(read).collect::<Result<_, ConfigError>>().map(Self)
    }

    /// A breaker's settings; `None` for a name that is none of [`NAMES`].
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Breaker> {
        self.0.get(name)
    }

    /// Every breaker, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Breaker)> {
        self.0.iter().map(|(name, breaker)| (*name, breaker))
    }
}

/// The section of a breaker.
pub(super) fn section(name: &str) -> String {
    format!("breakers.{name}")
}
