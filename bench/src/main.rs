//! `payment-bench`: drives an engine with load and says honestly what it saw.
//!
//! Speaks HTTP only, so that it can drive any server with the same endpoints. Latency counts from the moment a
//! request was due, not from when it was sent: a stall of the server shows in every request it delayed
//! (<https://www.scylladb.com/2021/04/22/on-coordinated-omission/>).

mod cli;
mod expect;
mod load;
mod summary;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let Command::Load(options) = command;
    match load::run(&options).await {
        Ok(expectations_held) if expectations_held => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            summary::complain(&error);
            ExitCode::FAILURE
        }
    }
}
