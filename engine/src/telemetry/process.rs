//! What the operating system knows about the process, read when somebody asks.
//!
//! Owns the `process_*` metrics, which are Prometheus's own names for them
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>). Where there is no `/proc` they
//! are left out.

use std::fmt::Write;
use std::fs;

/// The unit of times in `/proc`, fixed at 100 per second for programs (`USER_HZ`, proc_pid_stat(5)).
const TICKS_PER_SECOND: f64 = 100.0;

/// The process's metrics in the Prometheus text format.
pub(super) fn page() -> String {
    let mut page = String::new();
    let stat = Stat::read();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = |field: &str| number_after(&status, field).map(|value| value * 1024.0);
    let open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| count(entries.count()));
    for (name, kind, help, value) in [
        (
            "process_cpu_seconds_total",
            "counter",
            "User and system time.",
            stat.as_ref().map(|stat| stat.cpu_seconds),
        ),
        ("process_resident_memory_bytes", "gauge", "Resident memory.", kibibytes("VmRSS:")),
        ("process_virtual_memory_bytes", "gauge", "Virtual memory.", kibibytes("VmSize:")),
        ("process_open_fds", "gauge", "Open file descriptors.", open_fds),
        ("process_max_fds", "gauge", "The limit of open file descriptors.", max_fds()),
        ("process_threads", "gauge", "Threads.", number_after(&status, "Threads:")),
        (
            "process_start_time_seconds",
            "gauge",
            "When the process started, in seconds since the Unix epoch.",
            stat.as_ref().and_then(Stat::started_at),
        ),
    ] {
        if let Some(value) = value {
            writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
                .expect("writing to a string cannot fail");
        }
    }
    page
}

/// The fields of `/proc/self/stat` that matter here.
struct Stat {
    cpu_seconds: f64,
    /// Ticks between the machine's start and the process's.
    start: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name in parentheses and may hold anything, spaces included.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index - 3).and_then(|field| field.parse::<f64>().ok());
        Some(Self { cpu_seconds: (number(14)? + number(15)?) / TICKS_PER_SECOND, start: number(22)? })
    }

    fn started_at(&self) -> Option<f64> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        Some(number_after(&text, "btime")? + self.start / TICKS_PER_SECOND)
    }
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    number_after(&limits, "Max open files")
}

/// The number that follows a field's name at the start of a line.
fn number_after(text: &str, field: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(field))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "a process has far fewer than 2^53 files")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn every_process_metric_is_read() {
        let page = page();
        for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "threads"] {
            assert!(page.contains(&format!("\nprocess_{name} ")), "{name} is missing from\n{page}");
        }
        let started = number_after(&page, "process_start_time_seconds").expect("a start time");
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock behind 1970").as_secs_f64();
        assert!((now - 3_600.0..=now + 1.0).contains(&started), "{started} is not shortly before {now}");
    }
}
