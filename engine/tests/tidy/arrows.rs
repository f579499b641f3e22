//! Dependencies point one way: `engine → http → actors → schema`, and `bench → schema`.
//!
//! Owns what each package may depend on, as `cargo metadata` tells it: of the workspace's own packages, and of
//! outside crates where a crate would bring the outside world into a package that must not know it.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

use crate::tree::root;

/// What a package may depend on outside its tests.
struct Rule {
    package: &'static str,
    /// Packages of the workspace.
    own: &'static [&'static str],
    /// Outside crates: only these.
    only: Option<&'static [&'static str]>,
    /// Outside crates: not these.
    never: &'static [&'static str],
}

/// What lets code touch databases, sockets, brokers and the metrics of a process.
const ADAPTERS: &[&str] = &[
    "rusqlite",
    "rusqlite_migration",
    "sqlx",
    "rdkafka",
    "redis",
    "deadpool-redis",
    "reqwest",
    "metrics-exporter-prometheus",
    "fs4",
    "clap",
];

const RULES: &[Rule] = &[
    Rule {
        package: "payment-schema",
        own: &[],
        only: Some(&["chrono", "iso_currency", "serde", "serde_json", "sha2", "thiserror", "uuid"]),
        never: &[],
    },
    Rule {
        package: "payment-actors",
        own: &["payment-schema"],
        only: None,
        never: &["actix-web", "rand", "fastrand", "governor", "moka", "metrics"],
    },
    Rule { package: "payment-http", own: &["payment-actors", "payment-schema"], only: None, never: &[] },
    Rule {
        package: "payment-engine",
        own: &["payment-http", "payment-actors", "payment-schema"],
        only: None,
        never: &[],
    },
    Rule { package: "payment-bench", own: &["payment-schema"], only: None, never: &["actix", "actix-web"] },
];

/// Packages that may use adapters.
const AT_THE_EDGE: &[&str] = &["payment-engine", "payment-bench"];

/// What is wrong, given each package's dependencies outside its tests.
fn check(packages: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut faults = Vec::new();
    for (package, dependencies) in packages {
        let Some(rule) = RULES.iter().find(|rule| rule.package == package) else {
            faults.push(format!("{package} has no rule"));
            continue;
        };
        let broken = dependencies.iter().filter(|name| !allowed(rule, name));
        faults.extend(broken.map(|name| format!("{package} must not depend on {name}")));
    }
    let missing = RULES.iter().filter(|rule| !packages.contains_key(rule.package));
    faults.extend(missing.map(|rule| format!("{} is gone", rule.package)));
    faults
}

fn allowed(rule: &Rule, name: &str) -> bool {
    if name.starts_with("payment-") {
        return rule.own.contains(&name);
    }
    let kept_out = ADAPTERS.contains(&name) && !AT_THE_EDGE.contains(&rule.package);
    !kept_out && !rule.never.contains(&name) && rule.only.is_none_or(|only| only.contains(&name))
}

fn workspace() -> BTreeMap<String, Vec<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo describes the workspace");
    let packages = metadata.workspace_packages().into_iter().map(|package| {
        let kept = package.dependencies.iter().filter(|found| found.kind != DependencyKind::Development);
        (package.name.to_string(), kept.map(|found| found.name.clone()).collect())
    });
    packages.collect()
}

#[test]
fn arrows_point_one_way() {
    assert_eq!(check(&workspace()), Vec::<String>::new());
}

#[test]
fn an_arrow_that_points_back_is_noticed() {
    for (package, dependency) in [
        ("payment-schema", "payment-actors"),
        ("payment-schema", "tokio"),
        ("payment-actors", "payment-http"),
        ("payment-actors", "rusqlite"),
        ("payment-actors", "actix-web"),
        ("payment-http", "payment-engine"),
        ("payment-http", "reqwest"),
        ("payment-bench", "payment-actors"),
    ] {
        let mut packages = workspace();
        packages.entry(package.to_owned()).or_default().push(dependency.to_owned());
        assert_eq!(check(&packages), [format!("{package} must not depend on {dependency}")]);
    }
}

#[test]
fn a_package_nobody_thought_about_is_noticed() {
    let mut packages = workspace();
    packages.insert("payment-extra".to_owned(), Vec::new());
    packages.remove("payment-bench");
    assert_eq!(check(&packages), ["payment-extra has no rule", "payment-bench is gone"]);
}
