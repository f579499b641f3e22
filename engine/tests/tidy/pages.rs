//! Pages that code promises exist, and promise nothing more.
//!
//! Owns two catalogues and their pages: problem codes with one page each in `docs/errors/`, and invariants with
//! their ids. Never judges what a page advises.

use payment_schema::invariant::Invariant;
use payment_schema::problem::ProblemCode;

use crate::finding::{Finding, assert_none, assert_one};
use crate::source::{self, Kind};
use crate::tree::Tree;

const ERRORS: &str = "docs/errors/";

fn check_problems(tree: &Tree, codes: &[ProblemCode]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for code in codes {
        let path = format!("{ERRORS}{}.md", code.slug());
        let Some(page) = tree.file(&path) else {
            findings.push(Finding::new(&path, 1, format!("is missing, and {} links to it", code.as_str())));
            continue;
        };
        for needed in [code.as_str().to_owned(), code.status().to_string()] {
            if !page.text.contains(&needed) {
                findings.push(Finding::new(&path, 1, format!("must say {needed}")));
            }
        }
    }
    let slugs: Vec<String> = codes.iter().map(|code| code.slug()).collect();
    for file in tree.files.iter().filter(|file| file.folder() == ERRORS && !file.path.ends_with("README.md"))
    {
        let slug = file.path.trim_start_matches(ERRORS).trim_end_matches(".md");
        if !slugs.iter().any(|known| known == slug) {
            findings.push(Finding::new(&file.path, 1, "is the page of no problem code"));
        }
    }
    findings
}

/// Ids of invariants, wherever they stand alone, are in the catalogue.
fn check_invariants(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension("md") {
        for (number, line) in file.lines() {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric());
            findings.extend(
                words.filter(|word| is_unknown_id(word)).map(|word| unknown(&file.path, number, word)),
            );
        }
    }
    for (file, tokens) in source::sources(tree) {
        let texts =
            tokens.iter().filter(|token| token.kind == Kind::Literal && token.text.starts_with("\"I"));
        for token in texts {
            let text = token.content().unwrap_or_default();
            if is_unknown_id(&text) {
                findings.push(unknown(&file.path, token.line, &text));
            }
        }
    }
    findings
}

fn is_unknown_id(word: &str) -> bool {
    let number =
        word.strip_prefix('I').filter(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
    number.is_some() && !Invariant::ALL.iter().any(|known| known.id() == word)
}

fn unknown(path: &str, line: usize, id: &str) -> Finding {
    Finding::new(path, line, format!("names invariant {id}, which `schema/src/invariant.rs` does not know"))
}

#[test]
fn every_problem_has_its_page() {
    assert_none(check_problems(&Tree::read(), ProblemCode::ALL));
}

#[test]
fn named_invariants_are_in_the_catalogue() {
    assert_none(check_invariants(&Tree::read()));
}

#[test]
fn a_missing_a_stray_and_a_wrong_page_are_noticed() {
    let codes = [ProblemCode::NotFound];
    let good = ("docs/errors/not-found.md", "# NOT_FOUND\n\nStatus 404.\n");
    assert_none(check_problems(&Tree::of(&[good]), &codes));
    assert_one(&check_problems(&Tree::of(&[]), &codes), "is missing");
    assert_one(&check_problems(&Tree::of(&[good, ("docs/errors/lost.md", "")]), &codes), "no problem code");
    let wrong = ("docs/errors/not-found.md", "# NOT_FOUND\n\nStatus 400.\n");
    assert_one(&check_problems(&Tree::of(&[wrong]), &codes), "must say 404");
}

#[test]
fn an_unknown_invariant_is_noticed() {
    assert_none(check_invariants(&Tree::of(&[
        ("docs/a.md", "I1, I14 and ISO"),
        ("x.rs", "const A: &str = \"I9\";"),
    ])));
    assert_one(&check_invariants(&Tree::of(&[("docs/a.md", "fine\nholds I15.")])), "a.md:2");
    assert_one(&check_invariants(&Tree::of(&[("x.rs", "const A: &str = \"I99\";")])), "x.rs:1");
}
