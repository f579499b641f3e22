//! A Redis or Kafka of a test's own, started by the very functions that `compose/native` starts its parts with, and
//! ended by its process id.
//!
//! A child of the test, in its process group: whoever ends the tests ends it too.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::send;

/// Has `compose/native`'s functions prepare a part in this folder and become it. Its port is chosen already.
const BECOME: &str = r#"
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin" HERE="$1/compose" ROOT="$1"
for file in say place process port redis kafka; do source "$HERE/lib/$file.sh"; done
choose_port() { :; }
start_part() { cd "$PLACE/$1"; shift; exec "$@"; }
"prepare_$2"
# It lives for a test: a compiler that is done soon is worth more than fast code.
export JDK_JAVA_OPTIONS='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
"start_$2"
"#;

/// Succeeds once the part answers.
const ANSWERS: &str = r#"
set -euo pipefail
HERE="$1/compose" ROOT="$1"
for file in say place process port redis kafka; do source "$HERE/lib/$file.sh"; done
"$2_answers"
"#;

/// How long it may take to answer. Kafka is two programs in a row that are slow to start, and machines that run tests
/// are busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// A part that nobody else uses.
pub(crate) struct OwnPart {
    name: &'static str,
    dir: TempDir,
    child: Child,
    /// `host:port`, the same after each start.
    pub(crate) address: String,
}

impl OwnPart {
    /// A Redis that answers.
    pub(crate) async fn redis() -> Self {
        Self::start("redis", &["redis"]).await
    }

    /// A Kafka that answers.
    pub(crate) async fn kafka() -> Self {
        Self::start("kafka", &["kafka", "kafka/controller"]).await
    }

    async fn start(name: &'static str, ports: &[&str]) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        // Held together, so that they differ.
        let taken: Vec<TcpListener> =
            ports.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let numbers: Vec<u16> =
            taken.iter().map(|listener| listener.local_addr().expect("a bound port").port()).collect();
        for (folder, port) in ports.iter().zip(&numbers) {
            let folder = dir.path().join(folder);
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("port"), format!("{port}\n")).expect("a file");
        }
        lend_jars(&dir.path().join("kafka"));
        drop(taken);
        let child = launch(dir.path(), name);
        let address = format!("127.0.0.1:{}", numbers.first().expect("every part has a port"));
        let mut part = Self { name, dir, child, address };
        part.until_it_answers().await;
        part
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// Starts it again where it was, on what it kept.
    pub(crate) async fn start_again(&mut self) {
        self.child = launch(self.dir.path(), self.name);
        self.until_it_answers().await;
    }

    async fn until_it_answers(&mut self) {
        let begun = Instant::now();
        while !self.answers() {
            let ended = self.child.try_wait().expect("a child can be asked");
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "{} does not answer ({ended:?}): {}",
                self.name,
                std::fs::read_to_string(self.log()).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    fn answers(&self) -> bool {
        let asked =
            script(ANSWERS, self.dir.path(), self.name).stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.expect("bash runs").success()
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join(self.name).join("log")
    }
}

impl Drop for OwnPart {
    fn drop(&mut self) {
        // Either has no effect on a process that is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace").to_path_buf()
}

fn script(text: &str, place: &Path, part: &str) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", text, "own-part"])
        .arg(root())
        .arg(part)
        .env("PAYMENT_NATIVE_DIR", place)
        .stdin(Stdio::null());
    bash
}

fn launch(place: &Path, part: &str) -> Child {
    let log = File::create(place.join(part).join("log")).expect("a log");
    script(BECOME, place, part)
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .expect("bash runs")
}

/// The jars that `compose/native up` fetched; without them they are fetched once more.
fn lend_jars(kafka: &Path) {
    let place =
        std::env::var_os("PAYMENT_NATIVE_DIR").map_or_else(|| root().join("target/native"), PathBuf::from);
    let jars = place.join("kafka/libs");
    if kafka.is_dir() && jars.is_dir() {
        std::os::unix::fs::symlink(jars, kafka.join("libs")).expect("a link");
    }
}
