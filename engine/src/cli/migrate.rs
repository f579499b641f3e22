//! `migrate`: brings the tables up to date.

use super::failure::Failure;
use super::terminal::print;
use crate::config::Config;
use crate::sqlite::{DataDirLock, migrate};

pub(super) fn run(config: &Config) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let database = config.database();
    let _lock = DataDirLock::acquire(&config.engine.data_dir).map_err(|error| failed(&error))?;
    let done = migrate(&database).map_err(|error| failed(&error))?;
    let shown = database.display();
    print(&if done.from == done.to {
        format!("{shown} is at schema version {} already\n", done.to)
    } else {
        format!("{shown} went from schema version {} to {}\n", done.from, done.to)
    })
}
