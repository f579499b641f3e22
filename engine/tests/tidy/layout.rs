//! The top level holds what it should and nothing else.
//!
//! Owns the list of folders; a new one is a decision about the architecture, not an accident.

use crate::finding::{Finding, assert_none, assert_one};
use crate::tree::Tree;

const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "schema",
    "actors",
    "http",
    "engine",
    "compose",
    "grafana",
    "bench",
    "docs",
];

fn check(tree: &Tree) -> Vec<Finding> {
    let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    let stray =
        tree.paths().map(top).filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str()));
    let mut findings: Vec<Finding> = stray
        .map(|name| Finding::new(&name, 1, "does not belong at the top level; see docs/architecture.md"))
        .collect();
    findings.dedup();
    findings
}

#[test]
fn the_top_level_is_as_agreed() {
    assert_none(check(&Tree::read()));
}

#[test]
fn a_stray_folder_is_noticed() {
    assert_one(&check(&Tree::of(&[("scripts/x.sh", ""), ("scripts/y.sh", ""), (".ci/run", "")])), "scripts");
}
