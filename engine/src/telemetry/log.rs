//! Log lines: text for people, JSON for machines, always on standard error.
//!
//! Owns the subscriber. Standard output belongs to what a command answers.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

/// Why there are no log lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("telemetry.log is not a level or a list of directives: {0}")]
    Filter(String),
    /// Log lines were set up before.
    #[error("log lines are set up already")]
    Twice,
}

/// Sends log lines that pass the filter to standard error, for the rest of the program.
///
/// # Errors
/// When the filter cannot be read, or this was called before.
pub fn start(filter: &str, format: LogFormat) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| LogError::Filter(error.to_string()))?;
    let on_terminal = std::io::stderr().is_terminal();
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let started = if as_json(format, on_terminal) {
        registry.with(lines.json().flatten_event(true).with_current_span(false)).try_init()
    } else {
        registry.with(lines.compact().with_ansi(on_terminal)).try_init()
    };
    started.map_err(|_| LogError::Twice)
}

fn as_json(format: LogFormat, on_terminal: bool) -> bool {
    match format {
        LogFormat::Auto => !on_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}
