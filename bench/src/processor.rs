//! What processes cost: processor time and memory, from the kernel's accounts.
//!
//! Owns the reading of `/proc` (<https://man7.org/linux/man-pages/man5/proc.5.html>). Elsewhere than on Linux there
//! is nothing to read, and results say nothing about cost.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The unit of `/proc/PID/stat`: `USER_HZ` is 100 on every Linux that user programs see.
const TICK: Duration = Duration::from_millis(10);

/// A process that is watched beside the load: what it is called in results, and its pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watched {
    name: String,
    pid: u32,
}

impl Watched {
    /// Reads `NAME=PID`.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, pid) = crate::machine::fact(text)?;
        let pid = pid.parse().map_err(|_| format!("{pid} is no process id"))?;
        Ok(Self { name, pid })
    }
}

/// What a process used over a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Processor seconds, user and system.
    pub(crate) cpu_s: f64,
    /// The same as a share of one core: 1.0 is one core busy all the time.
    pub(crate) cores: f64,
    /// Processor microseconds for each request (of the first of each flow, replays and wrong ones included).
    pub(crate) us_per_request: f64,
    /// Resident memory at the beginning and at the end, MiB.
    pub(crate) rss_mib: [f64; 2],
}

/// One look at a process.
#[derive(Debug, Clone, Copy)]
struct Look {
    used: Duration,
    rss_mib: f64,
}

/// The accounts of this process and the watched ones at the beginning of a while.
pub(crate) struct Accounts {
    watched: Vec<Watched>,
    begun: BTreeMap<String, Look>,
}

/// What each process used between two looks.
pub(crate) struct Used(BTreeMap<String, (Look, Look)>);

/// What this process is called in results.
const OWN: &str = "load";

impl Accounts {
    /// Begins to count.
    pub(crate) fn open(watched: &[Watched]) -> Self {
        let watched = watched.to_vec();
        let begun = looks(&watched);
        Self { watched, begun }
    }

    /// What each used since; processes that ended in between are left out.
    pub(crate) fn close(&self) -> Used {
        let now = looks(&self.watched).into_iter();
        Used(now.filter_map(|(name, look)| Some((name.clone(), (*self.begun.get(&name)?, look)))).collect())
    }
}

impl Used {
    /// Told per second and per request.
    pub(crate) fn shared(self, elapsed: Duration, requests: u64) -> BTreeMap<String, Cost> {
        let costs = self.0.into_iter();
        costs.map(|(name, (begun, ended))| (name, cost(begun, ended, elapsed, requests))).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a load are far below 2^53")]
fn cost(begun: Look, ended: Look, elapsed: Duration, requests: u64) -> Cost {
    let used = ended.used.saturating_sub(begun.used).as_secs_f64();
    Cost {
        cpu_s: used,
        cores: used / elapsed.as_secs_f64().max(f64::EPSILON),
        us_per_request: used * 1e6 / requests.max(1) as f64,
        rss_mib: [begun.rss_mib, ended.rss_mib],
    }
}

fn looks(watched: &[Watched]) -> BTreeMap<String, Look> {
    let own = own_time().map(|used| Look { used, rss_mib: rss_mib("self") });
    let others = watched.iter().filter_map(|Watched { name, pid }| {
        let process = pid.to_string();
        let used = ticks(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)?;
        Some((name.clone(), Look { used, rss_mib: rss_mib(&process) }))
    });
    own.map(|look| (OWN.to_owned(), look)).into_iter().chain(others).collect()
}

/// The load runs on one thread, whose account is kept in nanoseconds.
fn own_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// User and system time of a whole process. The program's name, in brackets, may hold anything.
fn ticks(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    TICK.checked_mul(user.checked_add(system)?)
}

#[expect(clippy::cast_precision_loss, reason = "memory in KiB is far below 2^53")]
fn rss_mib(process: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) as f64 / 1_024.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Look, Watched, cost, ticks};

    #[test]
    fn a_stat_line_is_read_whatever_the_program_is_called() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        for name in ["engine", "a b", "x) y ("] {
            assert_eq!(ticks(&format!("17 ({name}) {fields}")), Some(Duration::from_secs(3)), "{name}");
        }
        assert_eq!(ticks("17 engine"), None);
    }

    #[test]
    fn cost_is_told_per_second_and_per_request() {
        let look = |millis, rss_mib| Look { used: Duration::from_millis(millis), rss_mib };
        let cost = cost(look(1_000, 20.0), look(3_000, 30.0), Duration::from_secs(4), 10_000);
        assert!((cost.cores - 0.5).abs() < 1e-9);
        assert!((cost.us_per_request - 200.0).abs() < 1e-9);
        assert_eq!(cost.rss_mib, [20.0, 30.0]);
    }

    #[test]
    fn a_watched_process_has_a_name_and_a_number() {
        assert!(Watched::parse("engine=42").is_ok());
        for text in ["engine", "engine=x", "=42"] {
            assert!(Watched::parse(text).is_err(), "{text}");
        }
    }
}
