//! The health checks of the containers, put to a running engine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::compose_file::engines;
use crate::files::{document, root};

const PATIENCE: Duration = Duration::from_secs(60);

struct Engine {
    child: Child,
    _dir: TempDir,
    /// What the containers call 8080, 8082 and 8090.
    ports: [String; 3],
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own thread waits for a process and for nothing else"
)]
fn start() -> Engine {
    let dir = TempDir::new().expect("a folder");
    let ready = dir.path().join("ready.json");
    let child = Command::new(env!("CARGO_BIN_EXE_payment-engine"))
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--pg-listen", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .arg("--ready-file")
        .arg(&ready)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the engine starts");
    let mut engine = Engine { child, _dir: dir, ports: Default::default() };
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(ports) = ports(&ready) {
            engine.ports = ports;
            return engine;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the engine was not ready within {PATIENCE:?}");
}

fn ports(ready: &Path) -> Option<[String; 3]> {
    let value: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(ready).ok()?).ok()?;
    let port = |name: &str| Some(value.get(name)?.as_str()?.rsplit_once(':')?.1.to_owned());
    Some([port("public")?, port("operator")?, port("pg")?])
}

fn healthy(port: &str, path: &str) -> bool {
    let check =
        Command::new(root().join("compose/healthcheck")).args([port, path]).stderr(Stdio::null()).status();
    check.expect("the check runs").success()
}

#[test]
fn a_healthy_engine_passes_and_anything_else_does_not() {
    let engine = start();
    let compose = document("compose/docker-compose.yml");
    for (name, service) in engines(&compose) {
        let test = service.texts_at(&["healthcheck", "test"]);
        let [_, "healthcheck", port, path] = test[..] else { panic!("{name}: {test:?}") };
        let listener = ["8080", "8082", "8090"].iter().position(|known| *known == port);
        let port = &engine.ports[listener.unwrap_or_else(|| panic!("{name}: nobody listens on {port}"))];
        assert!(healthy(port, path), "{name}: {path} does not say that it is healthy");
        assert!(!healthy(port, "/no/such/path"), "{name}: a 404 passes for healthy");
    }
    let port = engine.ports[0].clone();
    drop(engine);
    assert!(!healthy(&port, "/health/ready"), "nobody passes for healthy");
}
