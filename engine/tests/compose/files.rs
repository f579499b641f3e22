//! Where things are, and what the program understands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use payment_engine::config::{Config, ConfigError, Flags, catalogue};

use crate::yaml::{self, Yaml};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The text of a file, by its path from the root.
pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A YAML file, by its path from the root.
pub(crate) fn document(path: &str) -> Yaml {
    yaml::parse(&text(path)).unwrap_or_else(|problem| panic!("{path}:{problem}"))
}

/// Whether the engine has a variable: of a key, with a name of its own, or of the command line.
pub(crate) fn is_understood(variable: &str) -> bool {
    let own: BTreeSet<String> = catalogue::names().iter().map(|key| catalogue::variable(key)).collect();
    own.contains(variable)
        || text("docs/operations.md").contains(&format!("`{variable}`"))
        || help(&[]).contains(&format!("[env: {variable}="))
}

/// The help of the program or one of its commands.
pub(crate) fn help(command: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_payment-engine"))
        .args(command)
        .arg("--help")
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "payment-engine {command:?} --help: {output:?}");
    String::from_utf8(output.stdout).expect("help is text")
}

/// Loads variables as the program would.
pub(crate) fn load(variables: &BTreeMap<String, String>, flags: &Flags) -> Result<(), ConfigError> {
    Config::load(None, variables, flags).map(drop)
}
