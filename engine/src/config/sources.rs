//! Reads the layers: the file's sections, the environment's variables, the command line's flags.
//!
//! Owns which names are understood. Unknown keys are errors wherever they come from, so that a typing error never
//! leaves a default in force unnoticed.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;

use super::ConfigError;
use super::catalogue::{names, nearest, variable};
use super::layers::{Given, Layers, Origin};

/// Variables of other names that mean a key.
const ALIASES: [(&str, &str); 8] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "broker.bootstrap"),
    ("APP_RATE_LIMIT_AUTHORIZE_CAPACITY", "limits.authorize"),
    ("APP_RATE_LIMIT_CAPTURE_CAPACITY", "limits.capture"),
    ("APP_RATE_LIMIT_REFUND_CAPACITY", "limits.refund"),
    ("APP_IDEMPOTENCY_CACHE_TTL_SECONDS", "idempotency.cache_ttl"),
    ("MOCK_PG_LOADTEST_MODE", "simulator.loadtest_mode"),
    ("RUST_LOG", "telemetry.log"),
    ("PAYMENT_DATA_DIR", "engine.data_dir"),
];

/// Variables that a later part of the program will understand; until then they change nothing, and are said to.
const WITHOUT_EFFECT: [(&str, &str); 2] =
    [("OTEL_EXPORTER_OTLP_ENDPOINT", "trace export"), ("EUREKA_SERVER_URL", "service discovery")];

/// Lays the file's values over the defaults.
pub(super) fn read_file(path: &Path, layers: &mut Layers) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), cause: error.to_string() })?;
    let table = text.parse::<toml::Table>().map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        cause: error.to_string().trim_end().replace('\n', " "),
    })?;
    let known = names();
    for (section, value) in table {
        flatten(&section, value, &known, path, layers)?;
    }
    Ok(())
}

/// Follows tables down to keys that are known; whatever else is found there is named by its full path.
fn flatten(
    prefix: &str,
    value: Value,
    known: &[String],
    path: &Path,
    layers: &mut Layers,
) -> Result<(), ConfigError> {
    let origin = Origin::File(path.to_owned());
    if known.iter().any(|key| key == prefix) {
        layers.put(prefix, Given::in_file(value, path.to_owned()));
        return Ok(());
    }
    match value {
        Value::Table(table) if is_a_section(prefix, known) => table
            .into_iter()
            .try_for_each(|(name, value)| flatten(&format!("{prefix}.{name}"), value, known, path, layers)),
        Value::Table(_)
        | Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => Err(unknown(prefix, &origin, known)),
    }
}

fn is_a_section(prefix: &str, known: &[String]) -> bool {
    known.iter().any(|key| key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')))
}

fn unknown(key: &str, origin: &Origin, known: &[String]) -> ConfigError {
    // An unknown section is best compared with sections.
    let sections: Vec<String> =
        known.iter().filter_map(|key| key.rsplit_once('.')).map(|(section, _)| section.to_owned()).collect();
    let nearest = if key.contains('.') { nearest(key, known) } else { nearest(key, &sections) };
    ConfigError::UnknownKey { key: key.to_owned(), origin: origin.to_string(), nearest }
}

/// Lays the environment's values over the file's; a key's own variable wins over its alias.
pub(super) fn read_environment(
    variables: &BTreeMap<String, String>,
    layers: &mut Layers,
) -> Result<Vec<String>, ConfigError> {
    for (name, key) in ALIASES {
        if let Some(text) = variables.get(name) {
            put_variable(name, key, alias_text(name, text), layers);
        }
    }
    if variables.contains_key("PAYMENT_DB_HOST") {
        put_variable("PAYMENT_DB_HOST", "store.url", mariadb_url(variables), layers);
    }
    if let Some(host) = variables.get("REDIS_HOST") {
        let port = variables.get("REDIS_PORT").map_or("6379", String::as_str);
        put_variable("REDIS_HOST", "cache.url", format!("redis://{host}:{port}"), layers);
    }
    read_own_variables(variables, layers)?;
    let idle = WITHOUT_EFFECT.into_iter().filter(|(name, _)| variables.contains_key(*name));
    Ok(idle.map(|(name, part)| format!("{name} has no effect: this build has no {part}")).collect())
}

fn read_own_variables(variables: &BTreeMap<String, String>, layers: &mut Layers) -> Result<(), ConfigError> {
    let known = names();
    for (name, text) in variables.iter().filter(|(name, _)| name.starts_with("PAYMENT__")) {
        let origin = Origin::Environment(name.clone());
        let Some(key) = known.iter().find(|key| variable(key) == *name) else {
            let spelled = name.trim_start_matches("PAYMENT__").to_ascii_lowercase().replace("__", ".");
            return Err(unknown(&spelled, &origin, &known));
        };
        put_variable(name, key, text.clone(), layers);
    }
    Ok(())
}

fn put_variable(name: &str, key: &str, text: String, layers: &mut Layers) {
    layers.put(key, Given::as_text(text, Origin::Environment(name.to_owned())));
}

/// A plain number of seconds becomes a duration.
fn alias_text(name: &str, text: &str) -> String {
    if name.ends_with("_SECONDS") { format!("{text}s") } else { text.to_owned() }
}

fn mariadb_url(variables: &BTreeMap<String, String>) -> String {
    let part = |name: &str, default: &str| variables.get(name).map_or(default, String::as_str).to_owned();
    let host = part("PAYMENT_DB_HOST", "127.0.0.1");
    let port = part("PAYMENT_DB_PORT", "3306");
    let mut url = reqwest::Url::parse("mysql://host").expect("a constant URL is one");
    // Whatever cannot be set leaves the part out; the address is refused or fails to connect with its own message.
    let _ = url.set_host(Some(&host));
    let _ = url.set_port(port.parse().ok());
    let _ = url.set_username(&part("PAYMENT_DB_USER", ""));
    let _ = url.set_password(variables.get("PAYMENT_DB_PASSWORD").map(String::as_str));
    url.set_path(&part("PAYMENT_DB_NAME", "paydb"));
    url.to_string()
}

/// Values that flags give, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags(Vec<(&'static str, &'static str, String)>);

impl Flags {
    /// Adds a flag's value under its key, when it was given.
    #[must_use]
    pub fn with(mut self, flag: &'static str, key: &'static str, value: Option<String>) -> Self {
        self.0.extend(value.map(|value| (flag, key, value)));
        self
    }

    pub(super) fn read(&self, layers: &mut Layers) {
        for (flag, key, text) in &self.0 {
            layers.put(*key, Given::as_text(text.clone(), Origin::Flag(flag)));
        }
    }
}
