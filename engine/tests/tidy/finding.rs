//! What a rule found.
//!
//! Owns how findings are shown: one line each, `path:line: what is wrong; what to do`.

use std::fmt;

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, relative to the root of the repository.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong, and what to do instead.
    pub(crate) what: String,
}

impl Finding {
    /// A finding at a line.
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Fails with every finding, one to a line.
pub(crate) fn assert_none(mut findings: Vec<Finding>) {
    findings.sort();
    findings.dedup();
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{} finding(s)\n{}\n", findings.len(), lines.join("\n"));
}

/// Fails unless exactly one finding came of a bad example, and it mentions `part`.
pub(crate) fn assert_one(findings: &[Finding], part: &str) {
    assert_eq!(findings.len(), 1, "wanted one finding about {part:?}: {findings:?}");
    assert!(findings[0].to_string().contains(part), "wanted {part:?} in {}", findings[0]);
}
