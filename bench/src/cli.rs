//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::expect::Expectation;

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
    #[command(
        after_help = "Examples:\n  payment-bench load --rate 400 --duration 30s\n  payment-bench load --flow full \
                            --rate 100 --expect 'p95<100ms,errors<1%'\n  payment-bench load --ramp 50:400:60s"
    )]
    Load(LoadOptions),
}

/// What one flow does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flow {
    /// Authorize.
    Authorize,
    /// Authorize, capture, and read until captured.
    Capture,
    /// The same, refund, and read until refunded.
    Full,
}

impl Flow {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Capture => "capture",
            Self::Full => "full",
        }
    }
}

/// A rate that rises or falls evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ramp {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) over: Duration,
}

/// Options of `load`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LoadOptions {
    /// The base of the payments API; any path is kept.
    #[arg(long, default_value = "http://127.0.0.1:8080/api")]
    pub(crate) url: String,
    /// What each flow does.
    #[arg(long, value_enum, default_value = "authorize")]
    pub(crate) flow: Flow,
    /// Flows begun per second.
    #[arg(long, default_value_t = 100.0, value_parser = positive)]
    pub(crate) rate: f64,
    /// Several rates after one another, each for the duration: `100,200,400`.
    #[arg(long, value_delimiter = ',', value_parser = positive, conflicts_with = "ramp")]
    pub(crate) steps: Vec<f64>,
    /// An evenly changing rate, `FROM:TO:SECONDS`.
    #[arg(long, value_parser = ramp)]
    pub(crate) ramp: Option<Ramp>,
    /// How long each rate is held.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) duration: Duration,
    /// Load before the measurement that is not counted.
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    pub(crate) warmup: Duration,
    /// How many merchants the flows are spread over.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) merchants: u32,
    /// Thresholds that make the exit code 1 when missed: `p95<100ms,errors<1%`.
    #[arg(long, value_delimiter = ',')]
    pub(crate) expect: Vec<Expectation>,
    /// Where the result is written as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    let rate: f64 = text.trim().parse().map_err(|_| format!("{text} is no number"))?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("a rate must be above zero".to_owned()) }
}

fn ramp(text: &str) -> Result<Ramp, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [from, to, over] = parts.as_slice() else {
        return Err("expected FROM:TO:SECONDS, such as 50:400:60".to_owned());
    };
    let seconds = positive(over.trim_end_matches('s'))?;
    Ok(Ramp { from: positive(from)?, to: positive(to)?, over: Duration::from_secs_f64(seconds) })
}
