//! The command line.

pub(crate) mod fill;
pub(crate) mod floor;
pub(crate) mod load;
pub(crate) mod report;

use clap::{Parser, Subcommand};

use fill::FillOptions;
use floor::FloorOptions;
use load::LoadOptions;
use report::{PairsOptions, ReportOptions};

/// Drives a payment engine with load and reports what it saw.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open-loop load at a stated rate.
    #[command(after_help = load::EXAMPLES)]
    Load(Box<LoadOptions>),
    /// What the store itself can do with the rows of authorizations, without an engine.
    #[command(after_help = floor::EXAMPLES)]
    Floor(FloorOptions),
    /// Fills a store with payments that have ended, to see what slows down as tables grow.
    #[command(after_help = fill::EXAMPLES)]
    Fill(FillOptions),
    /// One page out of results.
    #[command(after_help = report::EXAMPLES)]
    Report(ReportOptions),
    /// How the engine before a change and after it differ, from results measured in turn (see bench/compare).
    Pairs(PairsOptions),
}

/// A number above zero.
fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.trim().parse().map_err(|_| format!("{text} is no number"))?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("it must be above zero".to_owned()) }
}

/// A duration above zero.
fn lasting(text: &str) -> Result<std::time::Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("it must be above zero".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
