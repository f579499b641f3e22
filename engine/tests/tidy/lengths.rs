//! How long files and functions may get.
//!
//! Owns two ratchets: the lists of exceptions may shrink and never grow. Whatever is listed here has become too long
//! to be read in one go, says in its own head why, and is the next to be taken apart.

use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::finding::{Finding, assert_none, assert_one};
use crate::tree::{File, Tree};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 60;

/// Not written by people, or not ours to shorten.
const NOT_OURS: &[&str] = &["Cargo.lock", "LICENSE"];

/// Files over the limit: path and lines as of today. Each carries `longer than 500 lines: REASON` in its head.
const LONG_FILES: &[(&str, usize)] = &[];

/// Functions over the limit: path, name and lines as of today.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

fn check_files(tree: &Tree, exceptions: &[(&str, usize)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !NOT_OURS.contains(&file.path.as_str())) {
        let lines = file.text.lines().count();
        let allowed = exceptions.iter().find(|(path, _)| *path == file.path).map(|(_, lines)| *lines);
        findings.extend(judge(lines, FILE_LINES, allowed).map(|what| Finding::new(&file.path, 1, what)));
        if allowed.is_some() && !head(file).contains("longer than 500 lines: ") {
            findings.push(Finding::new(
                &file.path,
                1,
                "must say in its head `longer than 500 lines: REASON`",
            ));
        }
    }
    let gone = exceptions.iter().filter(|(path, _)| !tree.holds(path));
    findings
        .extend(gone.map(|(path, _)| Finding::new(path, 1, "is excepted from the length limit and gone")));
    findings
}

fn head(file: &File) -> String {
    file.text.lines().take(20).collect::<Vec<_>>().join("\n").to_lowercase()
}

/// What is wrong with a length, if anything.
fn judge(lines: usize, limit: usize, allowed: Option<usize>) -> Option<String> {
    match allowed {
        None if lines > limit => Some(format!("has {lines} lines, over {limit}: take it apart")),
        Some(allowed) if lines > allowed => {
            Some(format!("grew from {allowed} to {lines} lines: take it apart"))
        }
        Some(_) if lines <= limit => Some(format!("has {lines} lines now: remove its exception")),
        Some(allowed) if lines < allowed => Some(format!("shrank to {lines} lines: lower its exception")),
        None | Some(_) => None,
    }
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.span().start().line;
        let lines = block.span().end().line + 1 - line;
        self.0.push(Function { name: signature.ident.to_string(), line, lines });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

fn check_functions(tree: &Tree, exceptions: &[(&str, &str, usize)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension("rs") {
        let mut functions = Functions::default();
        functions.visit_file(&syn::parse_file(&file.text).expect("the file is Rust"));
        for function in functions.0 {
            let excepted =
                |(path, name, _): &&(&str, &str, usize)| *path == file.path && *name == function.name;
            let allowed = exceptions.iter().find(excepted).map(|(_, _, lines)| *lines);
            let what = judge(function.lines, FUNCTION_LINES, allowed);
            let what = what.map(|what| format!("fn {} {what}", function.name));
            findings.extend(what.map(|what| Finding::new(&file.path, function.line, what)));
        }
    }
    findings
}

#[test]
fn files_are_short() {
    assert_none(check_files(&Tree::read(), LONG_FILES));
}

#[test]
fn functions_are_short() {
    assert_none(check_functions(&Tree::read(), LONG_FUNCTIONS));
}

#[test]
fn a_long_file_is_noticed_and_an_exception_only_shrinks() {
    let of = |lines: usize, head: &str| format!("{head}\n{}", "x\n".repeat(lines - 1));
    let reason = "//! Longer than 500 lines: one table.";
    type Case<'a> = (usize, &'a str, &'a [(&'a str, usize)], Option<&'a str>);
    let cases: &[Case] = &[
        (500, "//! x", &[], None),
        (501, "//! x", &[], Some("over 500")),
        (600, reason, &[("a.md", 600)], None),
        (600, "//! x", &[("a.md", 600)], Some("must say in its head")),
        (601, reason, &[("a.md", 600)], Some("grew from 600 to 601")),
        (599, reason, &[("a.md", 600)], Some("lower its exception")),
        (400, reason, &[("a.md", 600)], Some("remove its exception")),
        (400, "//! x", &[("b.md", 600)], Some("gone")),
    ];
    for (lines, head, exceptions, wanted) in cases {
        let found = check_files(&Tree::of(&[("a.md", &of(*lines, head))]), exceptions);
        match wanted {
            Some(part) => assert_one(&found, part),
            None => assert_none(found),
        }
    }
}

#[test]
fn a_long_function_is_noticed_wherever_it_stands() {
    let body = "a();\n".repeat(FUNCTION_LINES - 1);
    for code in [
        format!("fn long() {{\n{body}}}"),
        format!("impl X {{ fn long(&self) {{\n{body}}} }}"),
        format!("trait X {{ fn long(&self) {{\n{body}}} }}"),
        format!("fn outer() {{ mod x {{ fn long() {{\n{body}}} }} }}").replace("fn outer() {", "mod outer {"),
    ] {
        assert_one(&check_functions(&Tree::of(&[("x.rs", &code)]), &[]), "fn long has 61 lines");
        assert_none(check_functions(&Tree::of(&[("x.rs", &code)]), &[("x.rs", "long", 61)]));
    }
}
