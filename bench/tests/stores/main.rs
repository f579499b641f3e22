//! What `fill` and `floor` leave behind: rows as an engine's, and nothing.

mod mariadb;
mod sqlite;

use std::process::Command;

/// Runs the program, which must succeed; gives its standard output.
fn bench(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_payment-bench")).args(arguments).output().expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is filled in: 40 payments, ten of each course, and the rows they leave in each table.
const COURSES: &str = "captured,refunded,cancelled,declined";
const ROWS: [(&str, i64); 8] = [
    ("payment", 40),
    ("payment_transition", 160),
    ("idem_response_cache", 40),
    ("idem_answer", 40),
    ("settlement_request", 20),
    ("refund_request", 20),
    ("outbox_event", 110),
    ("ledger_entry", 60),
];
