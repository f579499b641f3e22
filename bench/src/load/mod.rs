//! Open-loop load.
//!
//! Owns pacing: flows begin when they are due, however slow the server is. Flows run beside each other on one
//! thread, over kept-alive connections.

mod flow;
mod schedule;
mod tally;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

use crate::cli::LoadOptions;
use crate::summary::{self, Report};
use flow::Driver;
use schedule::Schedule;
pub(crate) use tally::{Tally, histogram};

/// A flow that begins this much after it was due is counted as a late start: the load itself was too slow.
const LATE: Duration = Duration::from_millis(10);

/// How long flows may take to end after the last one has begun.
const TAIL: Duration = Duration::from_secs(60);

/// Runs the load; says whether every expectation held.
///
/// # Errors
/// When the load cannot be made or its result not be written.
pub(crate) async fn run(options: &LoadOptions) -> Result<bool, String> {
    let driver = Rc::new(Driver::new(options)?);
    LocalSet::new().run_until(drive(options, driver)).await
}

async fn drive(options: &LoadOptions, driver: Rc<Driver>) -> Result<bool, String> {
    if !options.warmup.is_zero() {
        let warmup = Schedule::constant(first_rate(options), options.warmup);
        begin(&warmup, &driver, &Rc::new(RefCell::new(Tally::default())), "warm-up").await;
    }
    let schedule = Schedule::of(options);
    let tally = Rc::new(RefCell::new(Tally::default()));
    let begun = Instant::now();
    begin(&schedule, &driver, &tally, "load").await;
    let report = Report::new(options, &tally.borrow(), schedule.length(), begun.elapsed());
    summary::print(&report);
    if let Some(file) = &options.json {
        summary::write(file, &report)?;
    }
    let missed: Vec<String> =
        options.expect.iter().filter_map(|expectation| expectation.missed(&report)).collect();
    missed.iter().for_each(|line| summary::complain(line));
    Ok(missed.is_empty())
}

fn first_rate(options: &LoadOptions) -> f64 {
    options.steps.first().copied().or(options.ramp.map(|ramp| ramp.from)).unwrap_or(options.rate)
}

/// Begins every flow of a schedule when it is due, and waits for the last to end.
async fn begin(schedule: &Schedule, driver: &Rc<Driver>, tally: &Rc<RefCell<Tally>>, what: &str) {
    let start = Instant::now();
    let mut flows = JoinSet::new();
    let mut next_line = start + Duration::from_secs(1);
    for due in schedule.dues() {
        let due = start + due;
        if due > Instant::now() {
            sleep_until(due).await;
        }
        if Instant::now().duration_since(due) > LATE {
            tally.borrow_mut().late_starts += 1;
        }
        let (driver, its_tally) = (Rc::clone(driver), Rc::clone(tally));
        flows.spawn_local(async move { driver.run(due, &its_tally).await });
        while flows.try_join_next().is_some() {}
        if Instant::now() >= next_line {
            next_line += Duration::from_secs(1);
            summary::progress(what, start.elapsed(), flows.len(), &tally.borrow());
        }
    }
    let tail = tokio::time::timeout(TAIL, async { while flows.join_next().await.is_some() {} }).await;
    if tail.is_err() {
        summary::complain(
            "some flows did not end within a minute after the load; they are not counted as completed",
        );
    }
}
