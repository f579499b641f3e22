//! Every source file begins by saying what it owns.
//!
//! Owns only that the words are there; reviewers judge them.

use crate::finding::{Finding, assert_none, assert_one};
use crate::tree::Tree;

fn check(tree: &Tree) -> Vec<Finding> {
    let bare = tree.with_extension("rs").filter(|file| !file.text.starts_with("//! "));
    bare.map(|file| Finding::new(&file.path, 1, "must begin with `//!`: what it owns, what it never does"))
        .collect()
}

#[test]
fn every_module_says_what_it_owns() {
    assert_none(check(&Tree::read()));
}

#[test]
fn a_file_without_a_head_is_noticed() {
    assert_one(&check(&Tree::of(&[("a/src/x.rs", "use std::fs;\n//! late\n")])), "a/src/x.rs:1");
    assert_none(check(&Tree::of(&[("a/src/x.rs", "//! Owns x.\n"), ("a/x.md", "text")])));
}
