//! Links between documents lead somewhere.
//!
//! Owns relative links and anchors. Never asks the network whether an outside page is still there: a test must not
//! fail because somebody else's server does.

use crate::finding::{Finding, assert_none, assert_one};
use crate::markdown;
use crate::tree::{File, Tree};

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension("md") {
        for link in markdown::links(&file.text) {
            findings
                .extend(fault(tree, file, &link.text).map(|what| Finding::new(&file.path, link.line, what)));
        }
    }
    findings
}

fn fault(tree: &Tree, from: &File, target: &str) -> Option<String> {
    if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { from.path.clone() } else { resolve(from.folder(), path) };
    if !tree.holds(path.trim_end_matches('/')) {
        return Some(format!("links to {target}, but there is no {path}"));
    }
    let anchor = anchor?;
    let known = tree.file(&path).map(|file| markdown::anchors(&file.text)).unwrap_or_default();
    (!known.iter().any(|found| found == anchor))
        .then(|| format!("links to {target}, but {path} has no such heading"))
}

/// A relative path, dots taken out.
fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[test]
fn links_lead_somewhere() {
    assert_none(check(&Tree::read()));
}

#[test]
fn a_dead_link_is_noticed() {
    let other = ("docs/b.md", "# Some heading\n");
    for (text, part) in [
        ("[x](c.md)", "no docs/c.md"),
        ("ok\n[x](../b.md)", "docs/a.md:2"),
        ("[x](b.md#other)", "no such heading"),
        ("[x](#here)", "no such heading"),
    ] {
        assert_one(&check(&Tree::of(&[("docs/a.md", text), other])), part);
    }
}

#[test]
fn living_links_are_left_alone() {
    let text = "# Here\n[1](b.md) [2](b.md#some-heading) [3](#here) [4](../docs/) [5](https://example.com/x)";
    assert_none(check(&Tree::of(&[("docs/a.md", text), ("docs/b.md", "## Some heading\n")])));
}
