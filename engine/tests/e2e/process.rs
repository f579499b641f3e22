//! One process of the program: started, waited for until it is ready, and ended by its pid when the test ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The longest anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where a process listens; `None` where it does not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    pub(crate) public: Option<String>,
    pub(crate) operator: Option<String>,
    pub(crate) pg: Option<String>,
}

/// A running process with a folder of its own.
pub(crate) struct Process {
    child: Child,
    dir: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    pub(crate) addresses: Addresses,
}

impl Process {
    /// Starts the program and waits until it is ready.
    pub(crate) fn start_in(dir: TempDir, arguments: &[&str], variables: Vec<(String, String)>) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (child, addresses) = spawn(dir.path(), &arguments, &variables);
        Self { child, dir, arguments, variables, addresses }
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// Starts it again on the same data.
    pub(crate) fn restart(&mut self) {
        (self.child, self.addresses) = spawn(self.dir.path(), &self.arguments, &self.variables);
    }

    /// `TERM`, `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    /// Waits until it ends by itself.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test's own thread waits for a process and for nothing else"
    )]
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the process did not end within {PATIENCE:?}");
    }

    /// What it wrote to standard output and error so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The program with this process' data directory and variables.
    pub(crate) fn program(&self) -> Command {
        program(&self.data_dir(), &self.variables)
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the process said")]
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- last words of payment-engine {} ---", self.arguments.join(" "));
            tail.into_iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// Sends a signal to a child.
pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process takes a signal");
}

/// The program with a data directory, and nothing of the tester's own environment.
pub(crate) fn program(data_dir: &Path, variables: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payment-engine"));
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.arg("--data-dir").arg(data_dir);
    command
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own thread waits for a process and for nothing else"
)]
fn spawn(dir: &Path, arguments: &[String], variables: &[(String, String)]) -> (Child, Addresses) {
    let ready = dir.join("ready.json");
    drop(std::fs::remove_file(&ready));
    let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).expect("a log file");
    let mut child = program(&dir.join("data"), variables)
        .args(arguments)
        .arg("--ready-file")
        .arg(&ready)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(addresses) = read_addresses(&ready) {
            return (child, addresses);
        }
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
            panic!("the process ended with {status} before it was ready: {log}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(child.kill());
    drop(child.wait());
    let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    panic!("the process was not ready within {PATIENCE:?}: {log}");
}

fn read_addresses(ready: &Path) -> Option<Addresses> {
    let value: Value = serde_json::from_str(&std::fs::read_to_string(ready).ok()?).ok()?;
    let address = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some(Addresses { public: address("public"), operator: address("operator"), pg: address("pg") })
}
