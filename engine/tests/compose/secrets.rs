//! The secrets that `compose/make-secrets` makes for the containers.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use payment_engine::config::{Config, Flags};
use tempfile::TempDir;

use crate::files::{document, root};

/// Runs a copy in a folder of its own, because it makes the secrets beside itself.
fn make_in(dir: &Path) {
    let script = dir.join("make-secrets");
    std::fs::copy(root().join("compose/make-secrets"), &script).expect("a copy");
    let status = Command::new("bash").arg(&script).output().expect("bash runs").status;
    assert!(status.success(), "make-secrets ended with {status}");
}

fn secret(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join("secrets").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_engine_can_use_them_and_nobody_else_reads_them() {
    let dir = TempDir::new().expect("a folder");
    make_in(dir.path());
    let compose = document("compose/docker-compose.yml");
    for (name, declared) in compose.at(&["secrets"]).expect("there are secrets").map() {
        assert_eq!(declared.text_at(&["file"]), Some(format!("secrets/{name}").as_str()));
        assert!(!secret(dir.path(), name).is_empty(), "{name} is empty");
    }
    let mode = std::fs::metadata(dir.path().join("secrets")).expect("the folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others may enter the folder");
    let file = dir.path().join("secrets/engine.toml");
    // What is no secret comes from the environment.
    let kafka = [("KAFKA_BOOTSTRAP_SERVERS".to_owned(), "kafka:9092".to_owned())].into();
    Config::load(Some(&file), &kafka, &Flags::default()).expect("a configuration");
    assert!(secret(dir.path(), "engine.toml").contains(&secret(dir.path(), "mariadb-password")));
    let random =
        ["mariadb-password", "mariadb-root-password", "operator-key"].map(|name| secret(dir.path(), name));
    assert!(random.iter().all(|text| text.len() == 64), "32 bytes each");
    assert!(random[0] != random[1] && random[1] != random[2] && random[0] != random[2]);
    let merchant = secret(dir.path(), "merchant-keys");
    assert_eq!(merchant.trim_end().split_once(':').map(|(id, key)| (id, key.len())), Some(("shop-1", 64)));
}

#[test]
fn a_second_run_changes_nothing() {
    let dir = TempDir::new().expect("a folder");
    make_in(dir.path());
    let before = secret(dir.path(), "engine.toml");
    make_in(dir.path());
    assert_eq!(secret(dir.path(), "engine.toml"), before);
}
