//! Configuration: one TOML file, environment variables over it, flags over both.
//!
//! Owns every key, its default, its meaning and its limits. Never opens a connection or a database; what the
//! values lead to is the wiring's.
//!
//! | file | what it holds |
//! |---|---|
//! | `sections` | every key with type, default and documentation |
//! | `section` | how a section is declared |
//! | `setting`, `words`, `secret`, `store_url`, `shards` | the types a key can have |
//! | `layers`, `sources` | where values come from |
//! | `rules` | what must hold between keys |
//! | `catalogue`, `print` | the list of all keys, the effective configuration |

mod breakers;
pub mod catalogue;
mod error;
mod layers;
mod print;
mod rules;
mod secret;
mod section;
pub mod sections;
mod setting;
mod shards;
mod sources;
mod store_url;
mod words;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

pub use breakers::Breakers;
pub use error::ConfigError;
pub use layers::Origin;
pub use print::effective;
pub use secret::SecretUrl;
pub use section::{Key, Section};
pub use setting::{Bytes, Percent, Properties};
pub use shards::{ShardUrl, ShardUrls};
pub use sources::Flags;
pub use store_url::StoreUrl;
pub use words::{LogFormat, Role, Roles};

use layers::Layers;

/// Every slot: what the only database keeps.
const ALL_SLOTS: RangeInclusive<u16> = 0..=1_023;

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The process itself.
    pub engine: sections::Engine,
    /// The public listener.
    pub http: sections::Http,
    /// The operator listener.
    pub operator: sections::Operator,
    /// Where payments are kept.
    pub store: sections::Store,
    /// Where events are published.
    pub broker: sections::Broker,
    /// Rate limits and the fast path of idempotency.
    pub cache: sections::Cache,
    /// The payment gateway.
    pub pg: sections::Pg,
    /// Further tries.
    pub retry: sections::Retry,
    /// Ages that end something.
    pub payments: sections::Payments,
    /// Rate limits.
    pub limits: sections::Limits,
    /// Circuit breakers.
    pub breakers: Breakers,
    /// When a supervisor gives up.
    pub supervision: sections::Supervision,
    /// Committed events on their way out.
    pub outbox: sections::Outbox,
    /// How long answers are remembered.
    pub idempotency: sections::Idempotency,
    /// Logs.
    pub telemetry: sections::Telemetry,
    /// The PG simulator.
    pub simulator: sections::Simulator,
    /// What was given without having an effect, as sentences for the log.
    pub remarks: Vec<String>,
    origins: BTreeMap<String, Origin>,
}

impl Config {
    /// Reads the configuration: `file` (when there is one), `variables` over it, `flags` over both.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown, or a value is not allowed; the first that is found.
    pub fn load(
        file: Option<&Path>,
        variables: &BTreeMap<String, String>,
        flags: &Flags,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        if let Some(path) = file {
            sources::read_file(path, &mut layers)?;
        }
        let remarks = sources::read_environment(variables, &mut layers)?;
        flags.read(&mut layers);
        let config = Self::read(&layers, remarks)?;
        rules::check(&config, &layers)?;
        Ok(config)
    }

    fn read(layers: &Layers, remarks: Vec<String>) -> Result<Self, ConfigError> {
        Ok(Self {
            engine: sections::Engine::read("engine", layers)?,
            http: sections::Http::read("http", layers)?,
            operator: sections::Operator::read("operator", layers)?,
            store: sections::Store::read("store", layers)?,
            broker: sections::Broker::read("broker", layers)?,
            cache: sections::Cache::read("cache", layers)?,
            pg: sections::Pg::read("pg", layers)?,
            retry: sections::Retry::read("retry", layers)?,
            payments: sections::Payments::read("payments", layers)?,
            limits: sections::Limits::read("limits", layers)?,
            breakers: Breakers::read(layers)?,
            supervision: sections::Supervision::read("supervision", layers)?,
            outbox: sections::Outbox::read("outbox", layers)?,
            idempotency: sections::Idempotency::read("idempotency", layers)?,
            telemetry: sections::Telemetry::read("telemetry", layers)?,
            simulator: sections::Simulator::read("simulator", layers)?,
            remarks,
            origins: layers.origins(),
        })
    }

    /// Where a key's value (`section.name`) was given.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// The database file of the embedded store.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        match &self.store.url {
            Some(StoreUrl::Sqlite(path)) => path.clone(),
            Some(StoreUrl::Server(_)) | None => self.engine.data_dir.join("payment.db"),
        }
    }

    /// Whether there is what an engine needs beside what every command needs.
    ///
    /// # Errors
    /// What is missing.
    pub fn check_serving(&self) -> Result<(), ConfigError> {
        rules::check_serving(self)
    }

    /// Whether `serve` runs the PG simulator inside: without a gateway, beside an embedded store or when the
    /// simulator's address is given.
    #[must_use]
    pub fn simulates_the_gateway(&self) -> bool {
        let is_asked_for = self.origin("simulator.listen") != Origin::Default;
        self.pg.url.is_none() && (self.is_embedded() || is_asked_for)
    }

    /// Whether the store is a file of this process.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.database_servers().is_empty()
    }

    /// The key that says where the database is.
    pub(crate) fn database_key(&self) -> &'static str {
        if self.store.shards.is_some() { "store.shards" } else { "store.url" }
    }

    /// The databases on servers with the slots that each keeps; none when the store is a file.
    #[must_use]
    pub fn database_servers(&self) -> Vec<ShardUrl> {
        match (&self.store.shards, &self.store.url) {
            (Some(shards), _) => shards.get().to_vec(),
            (None, Some(StoreUrl::Server(url))) => vec![ShardUrl { slots: ALL_SLOTS, url: url.clone() }],
            (None, Some(StoreUrl::Sqlite(_)) | None) => Vec::new(),
        }
    }

    /// Where the database is, or the databases are, for people: without passwords.
    #[must_use]
    pub fn database_shown(&self) -> String {
        let servers: Vec<String> =
            self.database_servers().iter().map(|shard| shard.url.to_string()).collect();
        if servers.is_empty() { self.database().display().to_string() } else { servers.join(" ") }
    }

    /// The directory of the PG simulator's record.
    #[must_use]
    pub fn simulator_dir(&self) -> PathBuf {
        self.engine.data_dir.join("pg-simulator")
    }
}
