//! Runs the whole engine in simulated worlds, one per seed, and fails when the auditor finds anything.
//!
//! `SIMULATION_SEEDS` says how many seeds (300 unless set), `SIMULATION_SEED` runs one alone;
//! `SIMULATION_TRACE=1` prints that one's trace. Each run prints its seed, the hash of its trace and the faults
//! that happened. Without libtest's harness, because that swallows the output of tests that pass.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env::{self, VarError};
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use payment_actors::simulation::dice::Seed;
use payment_actors::simulation::faults::{Fault, FaultCounts};
use payment_actors::simulation::{Report, Work, run};

const SEEDS_UNLESS_SET: u64 = 300;
/// So many seeds are run twice, and must have the same trace both times.
const RUN_TWICE: u64 = 10;
/// With fewer seeds some faults may by chance not happen at all.
const ENOUGH_TO_JUDGE: u64 = 200;

thread_local! {
    /// Panics of the seed that this thread runs; supervision catches them, but none may happen.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A seed's report with what only this harness sees.
struct Judged {
    report: Report,
    panics: Vec<String>,
    /// Where a second run of the same seed went another way.
    difference: Option<String>,
}

impl Judged {
    fn passed(&self) -> bool {
        self.report.violations.is_empty() && self.panics.is_empty() && self.difference.is_none()
    }
}

fn main() -> ExitCode {
    // `cargo test NAME` and test runners hand every test binary a filter, or ask it what it has.
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        let _closed = writeln!(io::stdout(), "simulation: test");
        return ExitCode::SUCCESS;
    }
    let mut filters = arguments.iter().filter(|argument| is_name(argument)).peekable();
    if filters.peek().is_some() && !filters.any(|filter| "simulation".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    match settings().and_then(|settings| simulate(&settings).map_err(|error| error.to_string())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            let _closed = writeln!(io::stderr(), "simulation: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Neither an option nor an option's number.
fn is_name(argument: &str) -> bool {
    !argument.starts_with('-') && argument.parse::<u64>().is_err()
}

struct Settings {
    first: u64,
    count: u64,
    keep_trace: bool,
}

fn settings() -> Result<Settings, String> {
    let keep_trace = env::var_os("SIMULATION_TRACE").is_some();
    match number("SIMULATION_SEED")? {
        Some(seed) => Ok(Settings { first: seed, count: 1, keep_trace }),
        None => {
            let count = number("SIMULATION_SEEDS")?.unwrap_or(SEEDS_UNLESS_SET);
            Ok(Settings { first: 0, count, keep_trace: false })
        }
    }
}

fn number(variable: &str) -> Result<Option<u64>, String> {
    match env::var(variable) {
        Ok(text) => {
            text.parse().map(Some).map_err(|_| format!("{variable} must be a whole number, it is {text:?}"))
        }
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{variable} must be a whole number")),
    }
}

fn simulate(settings: &Settings) -> io::Result<bool> {
    panic::set_hook(Box::new(|panic| PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()))));
    let mut totals = Totals::default();
    let mut out = io::stdout().lock();
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        let (finished, reports) = mpsc::channel();
        let workers = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..workers {
            let (finished, next) = (finished.clone(), &next);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= settings.count || finished.send((index, judge(settings, index))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(finished);
        // Printed in the order of seeds, whichever is ready first.
        let mut early = BTreeMap::new();
        let mut expected = 0;
        for (index, judged) in reports {
            early.insert(index, judged);
            while let Some(judged) = early.remove(&expected) {
                print(&mut out, &judged)?;
                totals.add(&judged);
                expected += 1;
            }
        }
        totals.print(&mut out, settings)
    })
}

fn judge(settings: &Settings, index: u64) -> Judged {
    let seed = Seed(settings.first + index);
    let twice = index < RUN_TWICE;
    let mut report = run(seed, settings.keep_trace || twice);
    let difference = if twice { first_difference(&report, &run(seed, true)) } else { None };
    if !settings.keep_trace {
        report.trace.clear();
    }
    let panics = PANICS.with_borrow_mut(std::mem::take);
    Judged { report, panics, difference }
}

fn first_difference(one: &Report, other: &Report) -> Option<String> {
    if one.trace_hash == other.trace_hash {
        return None;
    }
    let differing = one.trace.iter().zip(&other.trace).find(|(one, other)| one != other);
    Some(match differing {
        Some((one, other)) => format!("{one:?} in the first run, {other:?} in the second"),
        None => format!("{} lines in the first run, {} in the second", one.trace.len(), other.trace.len()),
    })
}

fn print(out: &mut impl Write, judged: &Judged) -> io::Result<()> {
    let report = &judged.report;
    let seed = report.seed.0;
    for line in &report.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "seed {seed} trace {:016x} faults {}", report.trace_hash, report.faults.to_json())?;
    for violation in &report.violations {
        writeln!(out, "  violated {violation}")?;
    }
    for panic in &judged.panics {
        writeln!(out, "  panicked {}", panic.replace('\n', " "))?;
    }
    if let Some(difference) = &judged.difference {
        writeln!(out, "  not deterministic: {difference}")?;
    }
    if !judged.passed() {
        writeln!(
            out,
            "  reproduce: SIMULATION_SEED={seed} cargo test --release -p payment-actors --test simulation"
        )?;
    }
    Ok(())
}

#[derive(Default)]
struct Totals {
    passed: u64,
    failed: u64,
    faults: FaultCounts,
    work: Work,
}

impl Totals {
    fn add(&mut self, judged: &Judged) {
        if judged.passed() {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        self.faults.add(&judged.report.faults);
        self.work.add(judged.report.work);
    }

    /// Prints the totals; says whether the whole test passes.
    fn print(&self, out: &mut impl Write, settings: &Settings) -> io::Result<bool> {
        let work = self.work;
        writeln!(
            out,
            "total {} payments, {} requests, {} successes, {} replays, {} transitions, {} operator acts, {} virtual \
             seconds",
            work.payments,
            work.requests,
            work.successes,
            work.replays,
            work.transitions,
            work.operator_acts,
            work.virtual_millis / 1_000
        )?;
        writeln!(out, "total faults {}", self.faults.to_json())?;
        let vacuous = self.vacuous(settings);
        for what in &vacuous {
            writeln!(out, "  vacuous: {what}")?;
        }
        writeln!(out, "{} passed, {} failed", self.passed, self.failed)?;
        Ok(self.failed == 0 && vacuous.is_empty())
    }

    /// A test that does too little, or whose faults do not happen, proves nothing.
    fn vacuous(&self, settings: &Settings) -> Vec<String> {
        if settings.count < ENOUGH_TO_JUDGE {
            return Vec::new();
        }
        let missing = Fault::ALL.iter().filter(|fault| self.faults.of(**fault) == 0);
        let mut what: Vec<String> =
            missing.map(|fault| format!("the fault {} never happened", fault.as_str())).collect();
        let (payments, successes) = (self.work.payments, self.work.successes);
        if payments < settings.count * 3 || successes < payments || self.work.replays < settings.count {
            what.push(format!(
                "{payments} payments, {successes} successes and {} replays are too few",
                self.work.replays
            ));
        }
        what
    }
}
