//! What the figures were measured on.
//!
//! Owns the facts that make results comparable. Never names the machine, its paths or its owner: results are kept in
//! the repository.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Facts about the machine and the versions at work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Processors this process may use.
    pub(crate) cores: usize,
    /// The processor's model as the kernel tells it.
    pub(crate) model: String,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// Versions of what was measured, as told on the command line or by the server itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) versions: BTreeMap<String, String>,
}

impl Machine {
    /// This machine. What the system does not tell stays empty.
    pub(crate) fn here(facts: &[(String, String)]) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let mut versions: BTreeMap<String, String> = facts.iter().cloned().collect();
        versions.insert("payment-bench".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            model: model(&read("/proc/cpuinfo")),
            memory_mib: memory_mib(&read("/proc/meminfo")),
            kernel: release(&read("/proc/sys/kernel/osrelease")),
            versions,
        }
    }

    /// All of it on one line.
    pub(crate) fn line(&self) -> String {
        let versions: Vec<String> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        format!(
            "{} cores of {}, {} MiB, Linux {}; {}",
            self.cores,
            self.model,
            self.memory_mib,
            self.kernel,
            versions.join(", ")
        )
    }
}

fn model(cpuinfo: &str) -> String {
    let named = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    named.map_or("unknown model", |rest| rest.trim_start_matches([' ', '\t', ':'])).to_owned()
}

/// The release without what its builder added.
fn release(osrelease: &str) -> String {
    osrelease.trim().split('-').next().unwrap_or_default().to_owned()
}

fn memory_mib(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) / 1_024
}

/// Reads `NAME=VALUE`.
///
/// # Errors
/// When there is no equals sign or no name.
pub(crate) fn fact(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text} is not NAME=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use super::{memory_mib, model, release};

    #[test]
    fn the_kernels_words_are_understood() {
        assert_eq!(model("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n"), "Some CPU @ 3 GHz");
        assert_eq!(model(""), "unknown model");
        assert_eq!(memory_mib("MemFree: 1 kB\nMemTotal:       2097152 kB\n"), 2_048);
        assert_eq!(memory_mib(""), 0);
        assert_eq!(release("6.1.0-28-cloud-amd64\n"), "6.1.0");
    }
}
