//! The command line of `load`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{lasting, positive};
use crate::load::{Aim, Expectation, Schedule, Stretch};
use crate::processor::Watched;

/// Shown below the options.
pub(crate) const EXAMPLES: &str = "Examples:
  payment-bench load --rate 400 --duration 30s
  payment-bench load --flow full --rate 100 --duration 1m --expect 'p95<100ms,errors<1%,completed>99%'
  payment-bench load --steps 1000,2000,3000 --duration 20s --warmup 5s --json steps.json
  payment-bench load --ramp 50:400:60 --replays 0.05 --wrong 0.01

Thresholds of --expect, joined by commas: [OPERATION.]p50|p95|p99|p999|max (authorize unless said otherwise, also
admitted, refused, capture, refund, read, replay, wrong, completion), errors, declined, completed, achieved, backlog; with <, <=, > or >=.
Exit code 1 when one does not hold.";

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

    pub(crate) fn aim(self) -> Aim {
        match self {
            Self::Authorize => Aim::Authorize,
            Self::Capture => Aim::Capture,
            Self::Full => Aim::Full,
        }
    }
}

/// A rate that rises or falls evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ramp {
    from: f64,
    to: f64,
    over: Duration,
}

/// Options of `load`.
#[derive(Debug, Clone, Args)]
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
    /// An evenly changing rate, `FROM:TO:SECONDS`; several, joined by commas, follow each other.
    #[arg(long, value_delimiter = ',', value_parser = ramp)]
    pub(crate) ramp: Vec<Ramp>,
    /// How long each rate is held.
    #[arg(long, default_value = "10s", value_parser = lasting)]
    pub(crate) duration: Duration,
    /// Load at the first rate before the measurement, not counted.
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    pub(crate) warmup: Duration,
    /// How many merchants the flows are spread over.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) merchants: u32,
    /// A file with the bearer key of all merchants, or with lines of merchant id and key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The share of due moments at which an answered authorization is repeated, 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub(crate) replays: f64,
    /// The share of due moments at which something wrong is asked, 0 to 1.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub(crate) wrong: f64,
    /// Most connections at a time; requests that find none free wait, and their latency counts on. Without it what a third of
    /// a second needs at the highest rate, 256 at least and 4096 at most.
    #[arg(long, value_parser = connections)]
    connections: Option<usize>,
    /// How long an answer may take once its request was sent.
    #[arg(long, default_value = "10s", value_parser = lasting)]
    pub(crate) timeout: Duration,
    /// How long flows may take to end after the last has begun.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) tail: Duration,
    /// Thresholds that make the exit code 1 when missed: `p95<100ms,errors<1%`.
    #[arg(long, value_delimiter = ',')]
    pub(crate) expect: Vec<Expectation>,
    /// The engine's metrics, such as `http://127.0.0.1:8082/metrics`: waits after the load until every event was
    /// published.
    #[arg(long, value_name = "URL")]
    pub(crate) backlog: Option<String>,
    /// A process whose processor time and memory are told too; may be repeated.
    #[arg(long, value_name = "NAME=PID", value_parser = Watched::parse)]
    pub(crate) watch: Vec<Watched>,
    /// What is measured, for the result.
    #[arg(long, default_value = "")]
    pub(crate) label: String,
    /// A version or setting that belongs to the result; may be repeated.
    #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = crate::machine::fact)]
    pub(crate) facts: Vec<(String, String)>,
    /// Where the result is written as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

impl LoadOptions {
    /// The warm-up and the rates.
    pub(crate) fn schedule(&self) -> Schedule {
        let mut stretches: Vec<Stretch> = if self.steps.is_empty() && self.ramp.is_empty() {
            vec![Stretch::constant(self.rate, self.duration)]
        } else {
            let ramp = |ramp: &Ramp| Stretch { to: ramp.to, ..Stretch::constant(ramp.from, ramp.over) };
            let step = |rate: &f64| Stretch::constant(*rate, self.duration);
            self.ramp.iter().map(ramp).chain(self.steps.iter().map(step)).collect()
        };
        if !self.warmup.is_zero()
            && let Some(first) = stretches.first().copied()
        {
            stretches.insert(0, Stretch { counted: false, ..Stretch::constant(first.from, self.warmup) });
        }
        Schedule(stretches)
    }

    /// The most connections at a time.
    pub(crate) fn connections(&self) -> usize {
        self.connections.unwrap_or_else(|| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "far below 2^53, and clamped"
            )]
            let third = (self.schedule().peak() / 3.0) as usize;
            third.clamp(256, 4_096)
        })
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.trim().parse().map_err(|_| format!("{text} is no number"))?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("a share is between 0 and 1".to_owned()) }
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=50_000) => Ok(count),
        Ok(_) | Err(_) => Err("expected 1 to 50000".to_owned()),
    }
}

fn ramp(text: &str) -> Result<Ramp, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [from, to, over] = parts.as_slice() else {
        return Err("expected FROM:TO:SECONDS, such as 50:400:60".to_owned());
    };
    let seconds = positive(over.trim_end_matches('s'))?;
    Ok(Ramp { from: positive(from)?, to: positive(to)?, over: Duration::from_secs_f64(seconds) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::LoadOptions;
    use crate::load::{Schedule, Stretch};

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        options: LoadOptions,
    }

    fn options(options: &str) -> Option<LoadOptions> {
        let words = std::iter::once("load").chain(options.split_whitespace());
        Alone::try_parse_from(words).ok().map(|alone| alone.options)
    }

    fn schedule(text: &str) -> Option<Schedule> {
        options(text).map(|options| options.schedule())
    }

    #[test]
    fn connections_follow_the_rate_unless_they_are_said() {
        for (text, wanted) in [
            ("", 256),
            ("--rate 3000", 1_000),
            ("--steps 100,9000,100", 3_000),
            ("--ramp 50:90000:60", 4_096),
            ("--rate 9000 --connections 20", 20),
        ] {
            assert_eq!(options(text).map(|options| options.connections()), Some(wanted), "{text}");
        }
    }

    #[test]
    fn rates_become_stretches() {
        let of =
            |from, to, seconds, counted| Stretch { from, to, length: Duration::from_secs(seconds), counted };
        for (options, wanted) in [
            ("--rate 400 --duration 30s", vec![of(400.0, 400.0, 30, true)]),
            ("--steps 100,200 --duration 1m", vec![of(100.0, 100.0, 60, true), of(200.0, 200.0, 60, true)]),
            ("--ramp 50:400:60s --warmup 5s", vec![of(50.0, 50.0, 5, false), of(50.0, 400.0, 60, true)]),
            ("--ramp 50:400:60,400:50:30", vec![of(50.0, 400.0, 60, true), of(400.0, 50.0, 30, true)]),
        ] {
            assert_eq!(schedule(options), Some(Schedule(wanted)), "{options}");
        }
    }

    #[test]
    fn what_makes_no_load_is_refused() {
        for options in [
            "--rate 0",
            "--rate -1",
            "--rate many",
            "--duration 0s",
            "--steps 1,0",
            "--ramp 1:2",
            "--ramp 1:2:0",
            "--steps 1 --ramp 1:2:3",
            "--replays 2",
            "--wrong x",
            "--connections 0",
            "--expect p95",
            "--watch engine",
        ] {
            assert_eq!(schedule(options), None, "{options}");
        }
    }
}
