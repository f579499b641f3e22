//! What must hold between keys.
//!
//! Owns every check that looks at more than one value. Values by themselves are checked by their types.

use std::net::SocketAddr;
use std::time::Duration;

use super::layers::Layers;
use super::secret::SecretUrl;
use super::shards::ShardUrl;
use super::{Config, ConfigError};
use crate::shards::databases_of;

/// Checks a configuration whose values are all allowed by themselves.
pub(super) fn check(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    check_store(config, layers)?;
    check_cache_url(config, layers)?;
    check_pg_url(config, layers)?;
    check_roles(config, layers)?;
    check_log(config, layers)?;
    check_addresses(config)?;
    let ordered = [
        (
            "pg.connect_timeout",
            config.pg.connect_timeout,
            "pg.authorize_timeout",
            config.pg.authorize_timeout,
        ),
        ("pg.connect_timeout", config.pg.connect_timeout, "pg.timeout", config.pg.timeout),
        ("pg.query_initial", config.pg.query_initial, "pg.query_max", config.pg.query_max),
        ("retry.base", config.retry.base, "retry.max", config.retry.max),
        (
            "payments.authorize_max_age",
            config.payments.authorize_max_age,
            "payments.hold_expiry",
            config.payments.hold_expiry,
        ),
        (
            "payments.authorize_max_age",
            config.payments.authorize_max_age,
            "pg.key_memory",
            config.pg.key_memory,
        ),
    ];
    ordered.into_iter().try_for_each(|(low, low_is, high, high_is)| in_order(low, low_is, high, high_is))
}

fn in_order(low: &str, low_is: Duration, high: &str, high_is: Duration) -> Result<(), ConfigError> {
    if low_is <= high_is {
        return Ok(());
    }
    let (low_is, high_is) = (humantime::format_duration(low_is), humantime::format_duration(high_is));
    Err(ConfigError::Contradiction(format!(
        "{low} = \"{low_is}\" must not be longer than {high} = \"{high_is}\"; raise the one or lower the other"
    )))
}

fn check_store(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    let allowed = match config.store.shards {
        Some(_) => "databases whose URLs begin with mysql:",
        None => "a URL that begins with sqlite: or mysql:",
    };
    let servers = config.database_servers();
    if servers.iter().any(|server| !matches!(server.url.scheme(), "mysql" | "mariadb")) {
        return not_allowed(layers, config.database_key(), allowed);
    }
    config.store.shards.as_ref().map_or(Ok(()), |shards| check_shards(config, shards.get(), layers))
}

/// What an engine needs beside what every command needs: somewhere for events to go, and somebody to ask for money.
pub(super) fn check_serving(config: &Config) -> Result<(), ConfigError> {
    if !config.is_embedded() && config.broker.bootstrap.is_none() {
        let key = config.database_key();
        return Err(ConfigError::Contradiction(format!(
            "{key} ({}) is a MariaDB, and its events need Kafka: give its addresses with --kafka HOST:PORT or \
             broker.bootstrap (KAFKA_BOOTSTRAP_SERVERS)",
            config.origin(key)
        )));
    }
    if config.pg.url.is_none() && !config.simulates_the_gateway() {
        return Err(ConfigError::Contradiction(
            "there is no payment gateway: give its address with --pg-url URL, or --pg-listen ADDR for a simulator \
             inside"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Every slot has one database, and every database one range: two ranges of one would show its rows twice.
fn check_shards(config: &Config, shards: &[ShardUrl], layers: &Layers) -> Result<(), ConfigError> {
    let wrong = |why: &str| {
        ConfigError::Contradiction(format!("store.shards ({}): {why}", layers.origin("store.shards")))
    };
    if config.store.url.is_some() {
        let why =
            format!("store.url ({}) names a database too; leave one of them out", layers.origin("store.url"));
        return Err(wrong(&why));
    }
    let ranges: Vec<_> = shards.iter().map(|shard| shard.slots.clone()).collect();
    databases_of(&ranges).map_err(|error| wrong(&error.to_string()))?;
    for (index, shard) in shards.iter().enumerate() {
        if shards[..index].iter().any(|other| other.url == shard.url) {
            let why = format!("{} is named twice; give it one range, or each range a database", shard.url);
            return Err(wrong(&why));
        }
    }
    Ok(())
}

fn check_cache_url(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    match config.cache.url.as_ref().map(SecretUrl::scheme) {
        None | Some("redis" | "rediss") => Ok(()),
        Some(_) => not_allowed(layers, "cache.url", "a URL that begins with redis:// or rediss://"),
    }
}

fn check_pg_url(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    match config.pg.url.as_ref().map(SecretUrl::scheme) {
        None | Some("http" | "https") => Ok(()),
        Some(_) => not_allowed(layers, "pg.url", "a URL that begins with http:// or https://"),
    }
}

fn check_roles(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    if config.engine.roles.is_all() || !config.is_embedded() {
        return Ok(());
    }
    Err(ConfigError::Contradiction(format!(
        "engine.roles ({}) leaves out work that nobody else could do: one process alone has an embedded store, so \
         it needs all roles; give several processes a MariaDB with --store-url mysql://…",
        layers.origin("engine.roles")
    )))
}

fn check_log(config: &Config, layers: &Layers) -> Result<(), ConfigError> {
    match tracing_subscriber::EnvFilter::try_new(&config.telemetry.log) {
        Ok(_) => Ok(()),
        Err(_) => not_allowed(
            layers,
            "telemetry.log",
            "error, warn, info, debug, trace, off, or directives such as \"info,payment_actors=debug\"",
        ),
    }
}

/// Two listeners on one port would fail one after the other with a message that names only the second.
fn check_addresses(config: &Config) -> Result<(), ConfigError> {
    let mut listeners =
        vec![("http.listen", config.http.listen), ("operator.listen", config.operator.listen)];
    if config.pg.url.is_none() {
        listeners.push(("simulator.listen", config.simulator.listen));
    }
    for (index, (name, address)) in listeners.iter().enumerate() {
        let twin = listeners[..index].iter().find(|(_, other)| clash(*other, *address));
        if let Some((other, _)) = twin {
            return Err(ConfigError::Contradiction(format!(
                "{other} and {name} are both {address}; give one of them another port"
            )));
        }
    }
    Ok(())
}

fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    a == b && a.port() != 0
}

fn not_allowed(layers: &Layers, key: &str, allowed: &str) -> Result<(), ConfigError> {
    let value = layers.get(key).map_or_else(String::new, |given| {
        if key.ends_with(".url") || key.ends_with(".shards") { "(hidden)".to_owned() } else { given.shown() }
    });
    Err(ConfigError::NotAllowed {
        key: key.to_owned(),
        value,
        origin: layers.origin(key).to_string(),
        allowed: allowed.to_owned(),
    })
}
