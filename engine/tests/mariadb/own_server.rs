//! A server of a test's own, for what a server that others use cannot be put through.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use payment_engine::mariadb::MariaDbOptions;
use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::Connection;
use sqlx::mysql::MySqlConnection;
use tempfile::TempDir;

/// How long a server may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that listens on a unix socket alone; ended with this value.
pub(crate) struct OwnServer {
    directory: TempDir,
    options: Vec<String>,
    process: Child,
}

impl OwnServer {
    /// A new server with these options besides the usual ones.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = directory.path().join("data");
        fs::create_dir(directory.path().join("tmp")).expect("a directory for its temporary files");
        let mut install = Command::new("mariadb-install-db");
        install.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
        install.arg(temporary_files(directory.path()));
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]).args(as_root());
        let installed =
            install.output().expect("mariadb-install-db is on the path; it comes with the server");
        assert!(installed.status.success(), "no data directory is made: {installed:?}");
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let process = launch(directory.path(), &options);
        let server = Self { directory, options, process };
        server.until_it_answers().await;
        server
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("sock")
    }

    /// The address of a database; it has no parameters but the socket.
    pub(crate) fn url(&self, database: &str) -> Url {
        let mut url = Url::parse("mysql://root@localhost").expect("a url");
        url.set_path(database);
        url.query_pairs_mut().append_pair("socket", &self.socket().display().to_string());
        url
    }

    pub(crate) fn options(&self, database: &str) -> MariaDbOptions {
        MariaDbOptions::from_url(&self.url(database)).expect("the address is understood")
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(self.url("information_schema").as_str()).await.expect("the server answers")
    }

    async fn until_it_answers(&self) {
        let answers = async {
            while MySqlConnection::connect(self.url("information_schema").as_str()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.expect("the server comes up");
    }

    /// Freezes it, wakes it or ends it at once.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the server is there to hear it");
    }

    /// Dies at once and is started again on what it left.
    pub(crate) async fn crash(&mut self) {
        self.signal(Signal::KILL);
        self.process.wait().expect("it is a child of this process");
        self.process = launch(self.directory.path(), &self.options);
        self.until_it_answers().await;
    }
}

fn launch(directory: &Path, options: &[String]) -> Child {
    let mut server = Command::new("mariadbd");
    server.arg("--no-defaults").arg("--skip-networking");
    server.arg(format!("--datadir={}", directory.join("data").display()));
    server.arg(format!("--socket={}", directory.join("sock").display())).arg(temporary_files(directory));
    server.arg("--innodb-flush-log-at-trx-commit=1").args(as_root()).args(options);
    let log = fs::File::create(directory.join("log")).expect("a log");
    server.stdout(Stdio::null()).stderr(log).spawn().expect("mariadbd is on the path")
}

/// A server that starts removes what it takes for leftovers of a dead one from where it keeps temporary tables, even
/// those that a server beside it is using: no two may share that directory.
fn temporary_files(directory: &Path) -> String {
    format!("--tmpdir={}", directory.join("tmp").display())
}

/// Root has to say that it means it.
fn as_root() -> Option<&'static str> {
    let id = Command::new("id").arg("-u").output().expect("id is on the path");
    (id.stdout == b"0\n").then_some("--user=root")
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // Either has no effect on a server that is gone already.
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}
