//! One engine process on free ports and a data directory of its own; ended, by its pid, when the test ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Free ports, and delays short enough that nobody waits, long enough that order shows.
const QUICK: [(&str, &str); 11] = [
    ("PAYMENT__HTTP__LISTEN", "127.0.0.1:0"),
    ("PAYMENT__OPERATOR__LISTEN", "127.0.0.1:0"),
    ("PAYMENT__SIMULATOR__LISTEN", "127.0.0.1:0"),
    ("PAYMENT__SIMULATOR__LOADTEST_MODE", "true"),
    ("PAYMENT__LIMITS__PROFILE", "production"),
    ("PAYMENT__PG__QUERY_INITIAL", "50ms"),
    ("PAYMENT__PG__QUERY_MAX", "200ms"),
    ("PAYMENT__PG__AUTHORIZE_TIMEOUT", "1s"),
    ("PAYMENT__PG__TIMEOUT", "1s"),
    ("PAYMENT__RETRY__BASE", "20ms"),
    ("PAYMENT__RETRY__MAX", "100ms"),
];

/// The longest anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running engine.
pub(crate) struct Engine {
    child: Child,
    dir: TempDir,
    variables: Vec<(String, String)>,
    /// `host:port` of the payments API.
    pub(crate) public: String,
    /// `host:port` of the operator API.
    pub(crate) operator: String,
    /// `host:port` of the PG simulator.
    pub(crate) pg: String,
}

impl Engine {
    /// A new engine on an empty data directory.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with some settings of its own.
    pub(crate) fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_in(TempDir::new().expect("a temporary directory"), variables)
    }

    /// The same where a data directory may be: `data` in `dir`.
    pub(crate) fn start_in(dir: TempDir, variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = QUICK.iter().chain(variables).map(owned).collect();
        let (child, [public, operator, pg]) = spawn(dir.path(), &variables);
        Self { child, dir, variables, public, operator, pg }
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Ends the process without warning.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// Starts it again on the same data.
    pub(crate) fn restart(&mut self) {
        let (child, [public, operator, pg]) = spawn(self.dir.path(), &self.variables);
        (self.child, self.public, self.operator, self.pg) = (child, public, operator, pg);
    }

    /// Asks it to end, and waits.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(asked.success(), "the process takes a signal");
        self.wait_for_end()
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
        panic!("the engine did not end within {PATIENCE:?}");
    }

    /// What it wrote to standard output and error so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Runs another command of the program about this engine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        program(&self.data_dir(), &self.variables)
            .args(arguments)
            .args(["--operator", &format!("http://{}", self.operator)])
            .output()
            .expect("the program runs")
    }

    /// The same, as JSON of its standard output.
    pub(crate) fn command_json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {text} {}", String::from_utf8_lossy(&output.stderr))
        })
    }
}

impl Drop for Engine {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the engine said")]
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- the engine's last words ---");
            tail.into_iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// The program with a data directory and free ports, and nothing of the tester's own environment.
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
fn spawn(dir: &Path, variables: &[(String, String)]) -> (Child, [String; 3]) {
    let ready = dir.join("ready.json");
    drop(std::fs::remove_file(&ready));
    let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).expect("a log file");
    let mut child = program(&dir.join("data"), variables)
        .arg("--ready-file")
        .arg(&ready)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .expect("the engine starts");
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(addresses) = read_addresses(&ready) {
            return (child, addresses);
        }
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
            panic!("the engine ended with {status} before it was ready: {log}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(child.kill());
    drop(child.wait());
    panic!("the engine was not ready within {PATIENCE:?}");
}

fn read_addresses(ready: &Path) -> Option<[String; 3]> {
    let value: Value = serde_json::from_str(&std::fs::read_to_string(ready).ok()?).ok()?;
    let address = |name: &str| value.get(name)?.as_str().map(str::to_owned);
    Some([address("public")?, address("operator")?, address("pg")?])
}
