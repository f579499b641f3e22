//! Open-loop load.
//!
//! Owns the course of a load: what is made of the command line, the loop, the result. Requests are sent when they are
//! due, however slow the server is, and their latency counts from that moment: a stall shows in every request it
//! delayed (<https://www.scylladb.com/2021/04/22/on-coordinated-omission/>).

mod alarm;
mod backlog;
mod connection;
mod driver;
mod expect;
mod flow;
mod habit;
mod merchants;
mod mix;
mod outcome;
mod percentiles;
mod pool;
mod progress;
mod request;
mod response;
mod schedule;
mod summary;
mod tally;
mod target;

use std::time::SystemTime;

use crate::cli::load::LoadOptions;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::processor::Accounts;
use crate::results;
use driver::{Driver, Patience};
use mix::Mix;
use pool::Pool;
use request::Requests;
use target::Target;

pub(crate) use expect::{Expectation, Verdict};
pub(crate) use flow::Aim;
#[cfg(test)]
pub(crate) use outcome::tests::sample;
pub(crate) use outcome::{LoadResult, Stage};
pub(crate) use percentiles::Percentiles;
pub(crate) use schedule::{Schedule, Stretch};
pub(crate) use tally::Latency;

/// Makes the load; says whether every expectation held.
///
/// # Errors
/// When the load cannot be made or its result not be written.
pub(crate) fn run(options: &LoadOptions) -> Result<bool, Failure> {
    let target = Target::parse(&options.url)?;
    let metrics = options.backlog.as_deref().map(Target::parse).transpose()?;
    let merchants = match &options.key_file {
        Some(file) => merchants::from_file(file, options.merchants)?,
        None => merchants::numbered(options.merchants, None),
    };
    let at = SystemTime::now();
    let mut result = LoadResult {
        at: humantime::format_rfc3339_seconds(at).to_string(),
        label: options.label.clone(),
        flow: options.flow.name().to_owned(),
        merchants: merchants.len(),
        machine: Machine::here(&options.facts),
        ..LoadResult::default()
    };
    let requests = Requests::new(&target, merchants, crate::run::name(at));
    drive(options, target, requests, &mut result)?;
    result.backlog = metrics.as_ref().map(backlog::watch).transpose()?;
    result.expectations = options.expect.iter().map(|expectation| expectation.judge(&result)).collect();
    summary::print(&result);
    if let Some(file) = &options.json {
        results::write(file, "load", &result)?;
    }
    Ok(result.expectations.iter().all(|verdict| verdict.holds))
}

/// Runs the schedule and its tail, and fills in what was seen.
fn drive(
    options: &LoadOptions,
    target: Target,
    requests: Requests,
    result: &mut LoadResult,
) -> Result<(), Failure> {
    let schedule = options.schedule();
    let pool = Pool::new(target, options.connections());
    let mix = Mix::new(options.flow.aim(), options.replays, options.wrong);
    let patience = Patience { request: options.timeout, tail: options.tail };
    let stretches = schedule.0.len();
    let mut driver = Driver::new(pool, requests, mix, schedule.clone().dues(), stretches, patience)?;
    driver.run_until(schedule.warmup())?;
    let (accounts, begun) = (Accounts::open(&options.watch), driver.elapsed());
    driver.run_until(schedule.length())?;
    let (costs, elapsed) = (accounts.close(), driver.elapsed() - begun);
    driver.finish()?;
    let seen = LoadResult::of(&schedule, &driver.tallies);
    let processors = costs.shared(elapsed, seen.first_requests());
    let known = std::mem::take(result);
    *result = LoadResult {
        at: known.at,
        label: known.label,
        flow: known.flow,
        merchants: known.merchants,
        machine: known.machine,
        connections: outcome::Connections {
            most: options.connections(),
            peak: driver.pool.peak,
            opened: driver.pool.opened,
        },
        seconds: driver.progress.seconds,
        processors,
        ..seen
    };
    Ok(())
}
