//! `migrate`: brings the tables up to date.

use reqwest::Url;

use super::failure::Failure;
use super::runtime;
use super::terminal::print;
use crate::config::Config;
use crate::mariadb::{MariaDbOptions, MariaDbStore};
use crate::sqlite::{DataDirLock, Migrated, migrate};

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    if config.is_embedded() {
        return tell(&config.database_shown(), migrate_file(config)?);
    }
    // One after the other: what is done is told, whatever becomes of the next.
    config.database_servers().iter().try_for_each(|server| {
        let done = migrate_server(server.url.reveal())?;
        tell(&server.url.to_string(), done)
    })
}

fn tell(shown: &str, done: Migrated) -> Result<(), Failure> {
    print(&if done.from == done.to {
        format!("{shown} is at schema version {} already\n", done.to)
    } else {
        format!("{shown} went from schema version {} to {}\n", done.from, done.to)
    })
}

fn migrate_file(config: &Config) -> Result<Migrated, Failure> {
    let _lock = DataDirLock::acquire(&config.engine.data_dir).map_err(|error| failed(&error))?;
    migrate(&config.database()).map_err(|error| failed(&error))
}

/// Engines may run meanwhile: the server's own lock keeps migrations apart.
fn migrate_server(url: &Url) -> Result<Migrated, Failure> {
    let options = MariaDbOptions::from_url(url).map_err(|error| failed(&error))?;
    runtime()?.block_on(MariaDbStore::migrate(options)).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(error.to_string())
}
