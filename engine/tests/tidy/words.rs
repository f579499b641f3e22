//! Words and paths that have no place in the tree.
//!
//! Owns the list; this file alone may hold them. Text is about the program, not about who wrote it, when, or on
//! which machine.

use crate::finding::{Finding, assert_none, assert_one};
use crate::tree::{File, Tree};

/// Not ours to word.
const NOT_OURS: &[&str] = &["LICENSE", "Cargo.lock", "engine/tests/tidy/words.rs"];

/// Whole words and phrases, and why not.
const WORDS: &[(&str, &str)] = &[
    ("TODO", UNFINISHED),
    ("FIXME", UNFINISHED),
    ("helper", "say what it does"),
    ("helpers", "say what they do"),
    ("this session", ABOUT_WRITING),
    ("last session", ABOUT_WRITING),
    ("next session", ABOUT_WRITING),
    ("previous session", ABOUT_WRITING),
    ("issue #", "say the reason itself, a number tells the reader nothing"),
];

const UNFINISHED: &str = "finish it or leave it out";
const ABOUT_WRITING: &str = "text is about the program, not about when it was written";

/// Parts of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &["/root/", "/work/", "/home/", "/Users/", "shared/", "C:\\"];

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !NOT_OURS.contains(&file.path.as_str())) {
        for (number, line) in file.lines() {
            let words = WORDS.iter().filter(|(word, _)| holds_word(line, word));
            findings.extend(
                words.map(|(word, why)| Finding::new(&file.path, number, format!("says {word:?}; {why}"))),
            );
            let paths = MACHINE_PATHS.iter().filter(|path| holds_path(line, path));
            findings.extend(paths.map(|path| {
                Finding::new(&file.path, number, format!("names {path}, which exists on one machine only"))
            }));
        }
    }
    findings.extend(foreign_hosts(tree));
    findings.extend(name_faults(tree));
    findings
}

/// Whether the text holds the word and not only a longer one.
fn holds_word(text: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let open_ended = !word.ends_with(joins);
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(joins) && (open_ended || !after.starts_with(joins))
    })
}

/// Whether the text holds the path at its beginning, not as the middle of a longer one.
fn holds_path(text: &str, path: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || "_-./}".contains(c);
    text.match_indices(path).any(|(at, _)| !text[..at].ends_with(joins))
}

/// Dependencies come from the public registry.
fn foreign_hosts(tree: &Tree) -> Vec<Finding> {
    let Some(lock) = tree.file("Cargo.lock") else { return Vec::new() };
    let sources = lock.lines().filter(|(_, line)| line.starts_with("source = "));
    let foreign = sources
        .filter(|(_, line)| !line.contains("\"registry+https://github.com/rust-lang/crates.io-index\""));
    foreign
        .map(|(number, line)| Finding::new(&lock.path, number, format!("{line} is not the public registry")))
        .collect()
}

/// Modules are named after what they own.
fn name_faults(tree: &Tree) -> Vec<Finding> {
    let vague = ["utils", "util", "common", "manager", "helpers", "misc"];
    let is_vague = |file: &&File| {
        let mut parts = file.path.split(['/', '.']);
        parts.any(|part| vague.contains(&part))
    };
    let named = tree.files.iter().filter(is_vague);
    named.map(|file| Finding::new(&file.path, 1, "is named vaguely; name it after what it owns")).collect()
}

#[test]
fn nothing_out_of_place_is_written() {
    assert_none(check(&Tree::read()));
}

#[test]
fn a_word_out_of_place_is_noticed() {
    for (text, part) in [
        ("// TODO later", "TODO"),
        ("a test helper", "helper"),
        ("fixed in issue #12", "issue #"),
        ("run /root/x/y", "/root/"),
        ("from shared/money.md", "shared/"),
    ] {
        assert_one(&check(&Tree::of(&[("docs/a.md", text)])), part);
    }
    assert_one(&check(&Tree::of(&[("http/src/utils.rs", "//! x")])), "vaguely");
    assert_one(
        &check(&Tree::of(&[("Cargo.lock", "source = \"sparse+https://mirror.example/\"")])),
        "public registry",
    );
}

#[test]
fn words_inside_words_are_left_alone() {
    assert_none(check(&Tree::of(&[(
        "docs/a.md",
        "an issuer's database session, mastodon, todo!, /api/root/x",
    )])));
}
