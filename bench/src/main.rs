//! `payment-bench`: drives an engine with load and says honestly what it saw.
//!
//! Knows the engine only from outside: by its HTTP API, and by its tables where it measures what a store can do.

mod cli;
mod failure;
mod fill;
mod floor;
mod load;
mod machine;
mod processor;
mod report;
mod results;
mod rows;
mod run;
mod store;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Load(options) => load::run(&options),
        Command::Fill(options) => fill::run(&options).map(|()| true),
        Command::Report(options) => report::run(&options).map(|()| true),
        Command::Pairs(options) => report::compare(&options).map(|()| true),
        Command::Floor(options) => floor::run(&options).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            terminal::complain(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}
