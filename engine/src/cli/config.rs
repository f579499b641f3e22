//! `config`: what is configured, and where each value came from.

use super::args::PrintConfig;
use super::failure::Failure;
use super::terminal::print;
use crate::config::{Config, catalogue, effective};

pub(super) fn run(asked: &PrintConfig, config: &Config) -> Result<(), Failure> {
    print(&if asked.keys { catalogue::text() } else { effective(config) })
}
