//! `compose/native`, as far as it goes without installing or starting anything.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::files::{is_understood, root, text};

fn native(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(root().join("compose/native"));
    command.args(arguments).env("PAYMENT_NATIVE_DIR", dir.path()).stdin(Stdio::null());
    command.output().expect("compose/native runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn usage_errors_say_so_and_exit_2() {
    let dir = TempDir::new().expect("a folder");
    for (arguments, part) in [
        (&[] as &[&str], "Usage"),
        (&["start"], "there is no command start"),
        (&["up", "now"], "up takes no arguments"),
        (&["status", "--yaml"], "--yaml"),
    ] {
        let output = native(&dir, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(part), "{arguments:?}: {}", said(&output));
    }
    let help = native(&dir, &["--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("status [--json]"));
}

#[test]
fn where_nothing_runs_it_says_so() {
    let dir = TempDir::new().expect("a folder");
    let status = native(&dir, &["status", "--json"]);
    let shown: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(shown, json!({"mariadb": null, "redis": null, "kafka": null}));
    let env = native(&dir, &["env"]);
    assert_eq!((env.status.code(), env.stdout.len()), (Some(1), 0));
    assert!(said(&env).contains("compose/native up"), "{}", said(&env));
    assert!(native(&dir, &["down"]).status.success());
}

/// A record that names a process which started at another time, or before the machine did, is about another process.
#[test]
fn a_process_that_only_has_the_id_gets_no_signal() {
    let mut bystander = Command::new("sleep").arg("1000").spawn().expect("sleep runs");
    let id = bystander.id();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("its stat");
    let started = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)).expect("its start");
    for record in [format!("{id} 1 {boot}"), format!("{id} {started} another-boot\n"), "\n".to_owned()] {
        let dir = TempDir::new().expect("a folder");
        std::fs::create_dir(dir.path().join("redis")).expect("a folder");
        std::fs::write(dir.path().join("redis/process"), &record).expect("a record");
        let status = native(&dir, &["status", "--json"]);
        assert!(String::from_utf8_lossy(&status.stdout).contains("\"redis\": null"), "{record:?}");
        assert!(native(&dir, &["down"]).status.success());
        assert!(
            bystander.try_wait().expect("a child can be asked").is_none(),
            "{record:?} ended a bystander"
        );
        assert!(!dir.path().join("redis/process").exists(), "the record is kept");
    }
    drop(bystander.kill());
    drop(bystander.wait());
}

#[test]
fn a_process_of_its_own_is_known_and_ended() {
    let mut own = Command::new("sleep").arg("1000").spawn().expect("sleep runs");
    let id = own.id();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("its stat");
    let started = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)).expect("its start");
    let dir = TempDir::new().expect("a folder");
    std::fs::create_dir(dir.path().join("redis")).expect("a folder");
    std::fs::write(dir.path().join("redis/process"), format!("{id} {started} {boot}")).expect("a record");
    std::fs::write(dir.path().join("redis/port"), "16399\n").expect("a port");
    let status = native(&dir, &["status", "--json"]);
    let shown: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(shown["redis"], json!({"pid": id, "address": "127.0.0.1:16399"}));
    assert!(native(&dir, &["down"]).status.success());
    assert!(!own.wait().expect("it ended").success(), "it was asked to end");
}

/// The variables that `env` prints are variables of the engine.
#[test]
fn what_env_prints_is_understood() {
    let script = text("compose/lib/commands.sh");
    let body = script
        .split_once("environment() {")
        .and_then(|(_, rest)| rest.split_once("\n}"))
        .expect("a function")
        .0;
    let words = body.split('"').filter_map(|word| word.split_once('=')).map(|(name, _)| name);
    let variables: Vec<&str> = words.collect();
    assert_eq!(variables.len(), 8, "{variables:?}");
    for variable in variables {
        assert!(is_understood(variable), "{variable} means nothing to the engine");
    }
}
