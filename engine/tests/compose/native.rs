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
        (&["begin"], "there is no command begin"),
        (&["up", "now"], "up takes no arguments"),
        (&["status", "--yaml"], "--yaml"),
        (&["kill"], "takes one part: mariadb redis kafka"),
        (&["freeze", "engine"], "there is no part engine"),
    ] {
        let output = native(&dir, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said(&output).contains(part), "{arguments:?}: {}", said(&output));
    }
    for arguments in
        [&["--outage"] as &[&str], &["--outage", "soon"], &["--url", "http://127.0.0.1:1"], &["now"]]
    {
        let drill = Command::new(root().join("compose/circuit-breaker-drill")).args(arguments).output();
        assert_eq!(drill.expect("the drill runs").status.code(), Some(2), "{arguments:?}");
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
    for arguments in [&["env"] as &[&str], &["stop", "kafka"], &["thaw", "redis"], &["start", "mariadb"]] {
        let refused = native(&dir, arguments);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{arguments:?}");
        assert!(said(&refused).contains("compose/native up"), "{}", said(&refused));
    }
    assert!(native(&dir, &["down"]).status.success());
}

/// A record that names a process which started at another time, or before the machine did, is about another process.
#[test]
fn a_process_that_only_has_the_id_gets_no_signal() {
    let mut bystander = Command::new("sleep").arg("1000").spawn().expect("sleep runs");
    let id = bystander.id();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
    let started = start_of(id);
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

/// A process's start, by which it is told from others that had its id.
fn start_of(id: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("its stat");
    let fields = stat.rsplit_once(") ").expect("a name in brackets").1;
    fields.split(' ').nth(19).expect("its start").to_owned()
}

#[test]
fn a_process_of_its_own_is_known_and_ended() {
    let mut own = Command::new("sleep").arg("1000").spawn().expect("sleep runs");
    let (id, started) = (own.id(), start_of(own.id()));
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot id");
    let dir = TempDir::new().expect("a folder");
    std::fs::create_dir(dir.path().join("redis")).expect("a folder");
    std::fs::write(dir.path().join("redis/process"), format!("{id} {started} {boot}")).expect("a record");
    std::fs::write(dir.path().join("redis/port"), "16399\n").expect("a port");
    let status = native(&dir, &["status", "--json"]);
    let shown: Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(shown["redis"], json!({"pid": id, "address": "127.0.0.1:16399"}));
    for (verb, frozen) in [("freeze", true), ("thaw", false)] {
        assert!(native(&dir, &[verb, "redis"]).status.success(), "{verb}");
        let status = native(&dir, &["status"]);
        assert_eq!(String::from_utf8_lossy(&status.stdout).contains("frozen"), frozen, "{verb}");
    }
    assert!(native(&dir, &["freeze", "redis"]).status.success());
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
