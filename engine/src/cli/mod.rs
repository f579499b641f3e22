//! The command line: what operators type, and what they read.
//!
//! Owns arguments, exit codes and everything that is printed. Answers go to standard output, errors and log lines to
//! standard error: one sentence with the cause and what to do.
//!
//! | file | what it holds |
//! |---|---|
//! | `args` | every command and flag |
//! | `failure` | how a command fails, and its exit code |
//! | `terminal` | writing to the terminal |
//! | `operator` | asking a running engine |
//! | `tree`, `tree_table` | the supervision tree |
//! | `payment`, `story` | the story of one payment |
//! | `dlq` | dead letters |
//! | `keys`, `store` | API keys, and the store they are in |
//! | `check`, `config`, `migrate`, `pg_simulator` | one command each |

mod args;
mod check;
mod config;
mod dlq;
mod failure;
mod keys;
mod migrate;
mod operator;
mod payment;
mod pg_simulator;
mod store;
mod story;
mod terminal;
mod tree;
mod tree_table;

use std::process::ExitCode;

use clap::Parser;

use crate::config::Config;
use crate::serve;
use crate::{telemetry, tls};
use args::{Cli, Command};
pub use failure::Failure;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    tls::choose_ring();
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => {
            terminal::complain(&failure.to_string());
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let command = cli.command.unwrap_or(Command::Serve);
    let config = cli.common.load(&command)?;
    match command {
        Command::Serve => {
            config.check_serving().map_err(|error| Failure::usage(error.to_string()))?;
            start_log(&config)?;
            serve::run(&config, cli.common.ready_file.as_deref()).map_err(Failure::from)?;
        }
        Command::Tree(tree) => tree::run(&tree, &operator::Operator::new(&cli.common, &config)?)?,
        Command::Payment(payment) => payment::run(&payment, &config)?,
        Command::Dlq(dlq) => dlq::run(&dlq, &operator::Operator::new(&cli.common, &config)?)?,
        Command::Check(check) => return check::run(&check, &config),
        Command::Migrate => migrate::run(&config)?,
        Command::Keys(keys) => keys::run(&keys, cli.common.is_for_operators(), &config)?,
        Command::Config(print) => config::run(&print, &config)?,
        Command::PgSimulator => {
            start_log(&config)?;
            pg_simulator::run(&config, cli.common.ready_file.as_deref())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn start_log(config: &Config) -> Result<(), Failure> {
    telemetry::start_log(&config.telemetry.log, config.telemetry.log_format)
        .map_err(|error| Failure::failed(error.to_string()))
}

/// A runtime for commands that only wait for an answer or two.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime can be started: {error}")))
}
