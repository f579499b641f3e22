//! Files that documents and comments name exist.
//!
//! Owns code spans that look like paths of this repository, in Markdown and in Rust comments. Never looks at paths
//! that begin with a slash: those are URLs.

use crate::finding::{Finding, assert_none, assert_one};
use crate::markdown::{self, Spot};
use crate::tree::{File, Tree};

/// Folders whose name at the beginning of a path makes it one of ours.
const FOLDERS: &[&str] = &[
    "schema", "actors", "http", "engine", "compose", "grafana", "bench", "docs", ".ci", ".cargo", ".config",
];

/// Endings that make a name a file of ours, wherever it lies.
const ENDINGS: &[&str] = &[".rs", ".md", ".sql", ".toml", ".yml", ".yaml"];

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for span in spans(file) {
            let name = span.text.trim_end_matches([',', ':']);
            if is_path(name) && !exists(tree, file, name) {
                findings.push(Finding::new(
                    &file.path,
                    span.line,
                    format!("names `{name}`, which does not exist"),
                ));
            }
        }
    }
    findings
}

fn spans(file: &File) -> Vec<Spot> {
    if file.has_extension("md") {
        markdown::code_spans(markdown::prose(&file.text))
    } else if file.has_extension("rs") {
        markdown::code_spans(file.lines().filter(|(_, line)| line.trim_start().starts_with("//")))
    } else {
        Vec::new()
    }
}

fn is_path(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./*{},".contains(c);
    let ours =
        FOLDERS.iter().any(|folder| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
    let file = ENDINGS.iter().any(|ending| name.strip_suffix(ending).is_some_and(|stem| !stem.is_empty()));
    name.chars().all(plain) && !name.starts_with('/') && (ours || file)
}

/// Whether a path, from the root, from the file's own folder or as the end of some path, exists.
fn exists(tree: &Tree, from: &File, name: &str) -> bool {
    let name = name.trim_end_matches('/').trim_start_matches("./");
    alternatives(name).iter().all(|name| {
        let beside = format!("{}{name}", from.folder());
        let inner = format!("/{name}");
        tree.paths().any(|path| {
            let path = path.trim_end_matches('/');
            matches(path, name) || matches(path, &beside) || (!name.contains('*') && path.ends_with(&inner))
        })
    })
}

/// A choice in braces as one name each; other braces and NNNN stand for anything.
fn alternatives(name: &str) -> Vec<String> {
    let name = name.replace("NNNN", "*");
    let Some((before, rest)) = name.split_once('{') else { return vec![name] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![name] };
    if !choices.contains(',') {
        return vec![format!("{before}*{after}")];
    }
    choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
}

/// Whether a path fits a pattern whose `*` stands for any text without a slash.
fn matches(path: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return path == pattern };
    let Some(rest) = path.strip_prefix(before) else { return false };
    let reach = rest.find('/').unwrap_or(rest.len());
    (0..=reach).filter(|&end| rest.is_char_boundary(end)).any(|end| matches(&rest[end..], after))
}

#[test]
fn named_files_exist() {
    assert_none(check(&Tree::read()));
}

#[test]
fn a_name_without_a_file_is_noticed() {
    for (path, text, part) in [
        ("docs/a.md", "see `actors/src/gone.rs`", "actors/src/gone.rs"),
        ("docs/a.md", "see `docs/gone/`", "docs/gone/"),
        ("docs/a.md", "see `gone.sql`", "gone.sql"),
        ("docs/a.md", "see `docs/{a,gone}.md`", "gone"),
        ("http/src/x.rs", "//! see `engine/src/gone.rs`\n", "x.rs:1"),
        ("http/src/x.rs", "    // see `docs/*.sql`\n", "x.rs:1"),
    ] {
        assert_one(&check(&Tree::of(&[(path, text)])), part);
    }
}

#[test]
fn names_with_a_file_are_left_alone() {
    let text = "`docs/a.md` `a.md` `src/x.rs` `docs/` `docs/*.md` `docs/{a,b}.md` `http/src/{name}.rs` `/openapi.json` \
                `payment.db` `1.5`\n```\n`docs/gone.md`\n```";
    let tree =
        Tree::of(&[("docs/a.md", text), ("docs/b.md", ""), ("http/src/x.rs", "fn f() { g(\"docs/z.md\") }")]);
    assert_none(check(&tree));
}
