//! Every key there is: to recognise the known, to name the nearest to an unknown one, and to document all.
//!
//! Owns no key; it only lists what the sections declare.

use super::section::{Key, Section};
use super::{breakers, sections};

/// The keys of every section, as declared; `breakers.NAME` stands for each breaker.
#[must_use]
pub fn documented() -> Vec<Key> {
    [
        sections::Engine::KEYS,
        sections::Http::KEYS,
        sections::Operator::KEYS,
        sections::Store::KEYS,
        sections::Broker::KEYS,
        sections::Cache::KEYS,
        sections::Pg::KEYS,
        sections::Retry::KEYS,
        sections::Payments::KEYS,
        sections::Limits::KEYS,
        sections::Breaker::KEYS,
        sections::Supervision::KEYS,
        sections::Outbox::KEYS,
        sections::Idempotency::KEYS,
        sections::Telemetry::KEYS,
        sections::Simulator::KEYS,
    ]
    .concat()
}

/// The full name of every key that can be given, `section.name`.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names = Vec::new();
    for key in documented() {
        if key.section == "breakers.NAME" {
            names.extend(
                breakers::NAMES.map(|breaker| format!("{}.{}", breakers::section(breaker), key.name)),
            );
        } else {
            names.push(format!("{}.{}", key.section, key.name));
        }
    }
    names
}

/// The environment variable of a key: `PAYMENT__SECTION__KEY`, dashes as underscores.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("PAYMENT__{}", key.replace('.', "__").replace('-', "_").to_ascii_uppercase())
}

/// The candidate that is least changed to become `unknown`; `None` when all are too far away to be meant.
#[must_use]
pub fn nearest(unknown: &str, candidates: &[String]) -> Option<String> {
    let scored = candidates.iter().map(|candidate| (distance(unknown, candidate), candidate));
    let (changes, candidate) = scored.min()?;
    let plausible = changes <= unknown.chars().count().max(6) / 3;
    plausible.then(|| candidate.clone())
}

/// How many characters must be inserted, deleted or replaced to turn `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The table of all keys as `docs/operations.md` shows it.
#[must_use]
pub fn markdown() -> String {
    let mut table = String::from("| key | default | what |\n|---|---|---|\n");
    for key in documented() {
        let default = if key.default.is_empty() { "–".to_owned() } else { format!("`{}`", key.default) };
        table.push_str(&format!("| `{}.{}` | {default} | {} |\n", key.section, key.name, key.about.trim()));
    }
    table
}

/// All keys as plain text for a terminal.
#[must_use]
pub fn text() -> String {
    let mut text = String::new();
    let mut section = "";
    for key in documented() {
        if key.section != section {
            section = key.section;
            text.push_str(&format!("\n[{section}]\n"));
        }
        let default = if key.default.is_empty() { String::new() } else { format!(" = {}", key.default) };
        text.push_str(&format!("  {}{default}\n      {}\n", key.name, key.about.trim()));
    }
    text
}
