//! One engine on free ports, in a world of its own or beside others.

use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::place::{Place, Servers};
use crate::process::Process;
use crate::world::World;

/// Free ports, and delays short enough that nobody waits, long enough that order shows.
const QUICK: [(&str, &str); 10] = [
    ("PAYMENT__HTTP__LISTEN", "127.0.0.1:0"),
    ("PAYMENT__OPERATOR__LISTEN", "127.0.0.1:0"),
    ("PAYMENT__SIMULATOR__LOADTEST_MODE", "true"),
    ("PAYMENT__LIMITS__PROFILE", "production"),
    ("PAYMENT__PG__QUERY_INITIAL", "50ms"),
    ("PAYMENT__PG__QUERY_MAX", "200ms"),
    ("PAYMENT__PG__AUTHORIZE_TIMEOUT", "1s"),
    ("PAYMENT__PG__TIMEOUT", "1s"),
    ("PAYMENT__RETRY__BASE", "20ms"),
    ("PAYMENT__RETRY__MAX", "100ms"),
];

/// A payment gateway inside the engine.
const SIMULATOR_INSIDE: (&str, &str) = ("PAYMENT__SIMULATOR__LISTEN", "127.0.0.1:0");

/// A running engine.
pub(crate) struct Engine {
    // Before the place: nobody uses it any more when it is taken away.
    process: Process,
    place: Option<Arc<Place>>,
    /// `host:port` of the payments API; empty when it has none.
    pub(crate) public: String,
    /// `host:port` of the operator API.
    pub(crate) operator: String,
    /// `host:port` of the PG simulator inside; empty when it has none.
    pub(crate) pg: String,
}

impl Engine {
    /// A new engine that finds nothing where it starts.
    pub(crate) fn start(world: World) -> Self {
        Self::start_with(world, &[])
    }

    /// The same with some settings of its own.
    pub(crate) fn start_with(world: World, variables: &[(&str, &str)]) -> Self {
        match world {
            World::Embedded => Self::start_in(new_dir(), variables),
            World::Real => {
                let place = Arc::new(Place::on(Servers::of_the_environment()));
                Self::start_at(place, &[], &[&[SIMULATOR_INSIDE], variables].concat())
            }
        }
    }

    /// On the embedded parts where a data directory may be: `data` in `dir`.
    pub(crate) fn start_in(dir: TempDir, variables: &[(&str, &str)]) -> Self {
        Self::launch(dir, None, &[], &[&[SIMULATOR_INSIDE], variables].concat())
    }

    /// One more engine at a place; its settings say where its payment gateway is.
    pub(crate) fn start_at(place: Arc<Place>, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::launch(new_dir(), Some(place), arguments, variables)
    }

    fn launch(
        dir: TempDir,
        place: Option<Arc<Place>>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut all = place.as_ref().map(|place| place.variables()).unwrap_or_default();
        all.extend(QUICK.iter().chain(variables).map(owned));
        let process = Process::start_in(dir, arguments, all);
        let mut engine =
            Self { process, place, public: String::new(), operator: String::new(), pg: String::new() };
        engine.note_addresses();
        engine
    }

    fn note_addresses(&mut self) {
        let addresses = self.process.addresses.clone();
        self.public = addresses.public.unwrap_or_default();
        self.operator = addresses.operator.expect("every engine has an operator listener");
        self.pg = addresses.pg.unwrap_or_default();
    }

    /// Where it keeps what it knows, if not in its data directory.
    pub(crate) fn place(&self) -> Option<&Arc<Place>> {
        self.place.as_ref()
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.process.data_dir()
    }

    /// Ends the process without warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data.
    pub(crate) fn restart(&mut self) {
        self.process.restart();
        self.note_addresses();
    }

    /// `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Asks it to end, and waits.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.process.wait_for_end()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        self.process.wait_for_end()
    }

    /// What it wrote to standard output and error so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// The program with this engine's settings.
    pub(crate) fn program(&self) -> Command {
        self.process.program()
    }

    /// Runs another command of the program about this engine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        self.program()
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

fn new_dir() -> TempDir {
    TempDir::new().expect("a temporary directory")
}
