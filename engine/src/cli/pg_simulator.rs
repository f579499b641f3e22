//! `pg-simulator`: the payment gateway alone.

use std::path::Path;

use payment_actors::ports::random::Random;

use super::failure::Failure;
use super::terminal::print;
use crate::config::Config;
use crate::pg_simulator::PgSimulator;
use crate::ports::SeededRandom;
use crate::serve::{ReadyFile, ServeError, Signals, simulator_options};

pub(super) fn run(config: &Config, ready_file: Option<&Path>) -> Result<(), Failure> {
    actix_rt::System::new().block_on(serve(config, ready_file)).map_err(Failure::from)
}

async fn serve(config: &Config, ready_file: Option<&Path>) -> Result<(), ServeError> {
    let mut signals = Signals::listen()?;
    let seed = SeededRandom::from_os()?.next_u64();
    let simulator = PgSimulator::start(simulator_options(config, seed)).await?;
    let address = simulator.address();
    if let Some(path) = ready_file {
        let pg = Some(address.to_string());
        ReadyFile { public: None, operator: None, pg, pid: std::process::id() }.write(path)?;
    }
    // A closed standard output keeps nobody from using the simulator.
    let _ = print(&format!(
        "pg simulator listens on http://{address}, record in {}\n",
        config.simulator_dir().display()
    ));
    let signal = signals.next().await;
    tracing::info!(signal, "ending");
    simulator.stop().await;
    Ok(())
}
