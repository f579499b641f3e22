//! The command line as an operator meets it: what is printed where, and exit codes.

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { dir: TempDir::new().expect("a folder") }
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_payment-engine"));
        program.env_clear().stdin(Stdio::null()).arg("--data-dir").arg(self.dir.path().join("data"));
        program
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::from(&self.program().args(arguments).output().expect("the program runs"))
    }
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<&Output> for Said {
    fn from(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    /// One sentence on standard error, nothing on standard output.
    fn complained(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str(), self.err.lines().count()), (Some(code), "", 1), "{self:?}");
        assert!(words.iter().all(|word| self.err.contains(word)), "{words:?} are not all in {self:?}");
    }
}

#[test]
fn help_teaches_every_command() {
    let help = Desk::new().run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for word in [
        "serve",
        "tree",
        "payment",
        "dlq",
        "check",
        "migrate",
        "keys",
        "config",
        "pg-simulator",
        "--operator",
        "Exit codes",
    ] {
        assert!(help.out.contains(word), "{word} is missing from\n{}", help.out);
    }
}

#[test]
fn mistakes_end_with_two_and_one_sentence() {
    let desk = Desk::new();
    desk.run(&["--listen", "here"]).complained(2, &["http.listen", "--listen", "an address"]);
    desk.run(&["--redis", "http://cache"]).complained(2, &["--redis", "redis://"]);
    desk.run(&["--store-url", "mysql://u:hunter2@db/paydb"])
        .complained(2, &["--store-url", "Kafka", "--kafka"]);
    desk.run(&["--config", "no-such-file.toml"]).complained(2, &["no-such-file.toml", "--config"]);
    desk.run(&["tree", "--operator-listen", "127.0.0.1:0"]).complained(2, &["--operator"]);
    assert_eq!(desk.run(&["payment", "shoes"]).code, Some(2));
    assert_eq!(desk.run(&["dlq", "replay", "refund.dlq", "1-1-1"]).code, Some(2), "a reason is needed");
}

#[test]
fn what_is_not_there_ends_with_one_and_the_remedy() {
    let desk = Desk::new();
    desk.run(&["payment", "1024"]).complained(1, &["no database", "--data-dir"]);
    desk.run(&["check"]).complained(1, &["no database", "--data-dir"]);
    let nobody = "http://127.0.0.1:1";
    desk.run(&["tree", "--operator", nobody]).complained(1, &["no engine answers", nobody, "--operator"]);
    desk.run(&["dlq", "list", "refund.dlq", "--operator", nobody]).complained(1, &["no engine answers"]);
    assert_eq!(desk.run(&["migrate"]).code, Some(0));
    desk.run(&["payment", "1024"]).complained(1, &["no payment 1024"]);
    desk.run(&["check", "--kafka", "127.0.0.1:1"]).complained(1, &["127.0.0.1:1", "broker.bootstrap"]);
}

#[test]
fn servers_that_are_not_there_end_with_one_and_the_remedy() {
    let desk = Desk::new();
    let servers = ["--store-url", "mysql://u:hunter2@127.0.0.1:1/paydb", "--kafka", "127.0.0.1:1"];
    for command in [&["check"][..], &["payment", "1024"], &["migrate"]] {
        let said = desk.run(&[command, &servers].concat());
        said.complained(1, &["no MariaDB answers", "127.0.0.1:1", "store.url"]);
        assert!(!said.err.contains("hunter2"), "{said:?}");
    }
}

#[test]
fn migrating_twice_changes_nothing() {
    let desk = Desk::new();
    let first = desk.run(&["migrate"]);
    assert!(first.code == Some(0) && first.out.contains("from schema version 0"), "{first:?}");
    let second = desk.run(&["migrate"]);
    assert!(second.code == Some(0) && second.out.contains("already"), "{second:?}");
}

#[test]
fn keys_are_made_listed_and_revoked_without_an_engine() {
    let desk = Desk::new();
    desk.run(&["keys", "list"]).complained(1, &["no database", "--data-dir"]);
    desk.run(&["keys", "create"]).complained(2, &["--merchant ID", "--operator"]);
    desk.run(&["keys", "create", "--merchant", "m", "--operator"]).complained(2, &["either --merchant ID"]);
    desk.run(&["keys", "create", "--merchant", ""]).complained(2, &["merchant id must have 1 to 32"]);
    let made = desk.run(&["keys", "create", "--merchant", "shop-1", "--label", "till 4"]);
    assert!(made.code == Some(0) && made.out.contains("Authorization: Bearer pk_"), "{made:?}");
    let made = desk.run(&["keys", "create", "--json", "--operator"]);
    let made: Value = serde_json::from_str(&made.out).expect("json");
    let (id, secret) = (made["id"].as_str().expect("an id"), made["secret"].as_str().expect("a secret"));
    assert!(secret.starts_with("ok_") && made["merchantId"].is_null(), "{made}");

    desk.run(&["keys", "revoke", "all"]).complained(2, &["16 hexadecimal digits", "keys list"]);
    desk.run(&["keys", "revoke", "0123456789abcdef"]).complained(1, &["no key 0123456789abcdef"]);
    assert!(desk.run(&["keys", "revoke", id]).out.contains("is revoked"));
    assert!(desk.run(&["keys", "revoke", id]).out.contains("nothing changed"));
    let listed = desk.run(&["keys", "list"]);
    assert_eq!((listed.code, listed.out.lines().count()), (Some(0), 3), "{listed:?}");
    assert!(listed.out.contains("merchant shop-1  till 4") && !listed.out.contains(secret), "{listed:?}");
}

#[test]
fn the_key_for_an_engine_is_named_when_it_cannot_be_one() {
    let desk = Desk::new();
    desk.run(&["tree", "--operator"]).complained(2, &["--operator needs a URL"]);
    desk.run(&["tree", "--operator-key-file", "no-such-file"])
        .complained(1, &["no-such-file", "--operator-key-file"]);
    let mut program = desk.program();
    let output = program.arg("tree").env("PAYMENT_OPERATOR_KEY", "hunter2").output();
    let said = Said::from(&output.expect("the program runs"));
    said.complained(2, &["PAYMENT_OPERATOR_KEY", "32 to 256 characters"]);
    assert!(!said.err.contains("hunter2"));
}

#[test]
fn a_check_of_nothing_is_vacuous() {
    let desk = Desk::new();
    desk.run(&["migrate"]);
    let said = desk.run(&["check", "--json"]);
    let report: Value = serde_json::from_str(&said.out).expect("json");
    assert_eq!(
        (said.code, &report["vacuous"], &report["inFlight"]),
        (Some(0), &Value::Bool(true), &Value::from(0))
    );
    assert_eq!(report["invariants"].as_array().map(Vec::len), Some(14));
    assert_eq!(desk.run(&["check", "--require-work"]).code, Some(1));
}

#[test]
fn the_configuration_is_printed_with_its_origins() {
    let desk = Desk::new();
    let said = Said::from(
        &desk
            .program()
            .env("PAYMENT__RETRY__MAX_TRIES", "3")
            .args(["config", "--listen", "127.0.0.1:9", "--pg-url", "http://u:hunter2@127.0.0.1:9"])
            .output()
            .expect("the program runs"),
    );
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    for line in [
        "listen = \"127.0.0.1:9\" # flag --listen",
        "max_tries = 3 # env PAYMENT__RETRY__MAX_TRIES",
        "max = \"15s\" # default",
        "url = \"http://u:masked@127.0.0.1:9/\" # flag --pg-url",
    ] {
        assert!(said.out.lines().any(|found| found == line), "{line} is missing from\n{}", said.out);
    }
    let keys = desk.run(&["config", "--keys"]);
    assert!(keys.out.contains("[breakers.NAME]") && keys.out.contains("max_tries = 10"), "{}", keys.out);
}
