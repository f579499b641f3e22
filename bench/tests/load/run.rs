//! One run of the program.

use std::process::Command;

use serde_json::Value;

/// What came of it.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    /// Both outputs.
    pub(crate) words: String,
    /// The result file; null when there is none.
    pub(crate) json: Value,
}

/// Runs `payment-bench load` against a server.
pub(crate) fn load(url: &str, options: &str) -> Run {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("result.json");
    let output = Command::new(env!("CARGO_BIN_EXE_payment-bench"))
        .args(["load", "--url", url, "--json"])
        .arg(&file)
        .args(options.split(' '))
        .output()
        .expect("the program runs");
    let words = [output.stdout, output.stderr].concat();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    Run {
        code: output.status.code(),
        words: String::from_utf8_lossy(&words).into_owned(),
        json: serde_json::from_str(&text).unwrap_or(Value::Null),
    }
}
