//! Commands that documents show exist.
//!
//! Owns every `payment-engine …` in a shell block or code span: its subcommands and flags are looked up in what the
//! program itself says with `--help`. Never runs a command for its effect.

use std::collections::BTreeMap;
use std::process::Command;

use crate::finding::{Finding, assert_none, assert_one};
use crate::markdown::{self, Spot};
use crate::tree::{File, Tree};

/// How documents begin a command of ours.
const BEGINNINGS: &[&str] = &["payment-engine", "cargo run --release --", "cargo run --"];

/// What the program says about itself: the help of each chain of subcommands asked for.
struct Program {
    helps: BTreeMap<Vec<String>, Option<String>>,
}

impl Program {
    fn new() -> Self {
        Self { helps: BTreeMap::new() }
    }

    /// The help of a chain of subcommands; `None` when there is no such chain.
    fn help(&mut self, chain: &[String]) -> Option<&str> {
        let ask = || {
            let asked = Command::new(env!("CARGO_BIN_EXE_payment-engine")).args(chain).arg("--help").output();
            let asked = asked.expect("the program was built with this test");
            asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).into_owned())
        };
        self.helps.entry(chain.to_vec()).or_insert_with(ask).as_deref()
    }

    /// The subcommands that a help lists.
    fn subcommands(help: &str) -> Vec<&str> {
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let listed = listed.take_while(|line| !line.trim().is_empty());
        listed.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect()
    }

    /// What is wrong with the words behind the program's name.
    fn fault(&mut self, words: &[&str]) -> Option<String> {
        let mut chain: Vec<String> = Vec::new();
        for word in words {
            let help = self.help(&chain).expect("a chain is made of listed subcommands").to_owned();
            let known = Self::subcommands(&help);
            if let Some(flag) = word.strip_prefix("--") {
                let flag = flag.split('=').next().unwrap_or_default();
                let is_known = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
                if !is_known.into_iter().any(|found| found == format!("--{flag}")) {
                    return Some(format!("shows --{flag}, which {} does not know", name(&chain)));
                }
            } else if known.contains(word) {
                chain.push((*word).to_owned());
            } else if !known.is_empty() && is_name(word) && !words.iter().any(|other| other.starts_with("--"))
            {
                return Some(format!("shows {word}, which {} does not know", name(&chain)));
            }
        }
        None
    }
}

/// Whether a word looks like a subcommand, and not like a value or a placeholder.
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

fn name(chain: &[String]) -> String {
    if chain.is_empty() { "payment-engine".to_owned() } else { format!("payment-engine {}", chain.join(" ")) }
}

/// The commands that a document shows.
fn shown(file: &File) -> Vec<Spot> {
    let mut spots = markdown::code_spans(markdown::prose(&file.text));
    for block in markdown::fenced(&file.text, "sh") {
        let lines = block.text.lines().enumerate();
        spots.extend(lines.map(|(offset, text)| Spot { text: text.to_owned(), line: block.line + offset }));
    }
    spots
}

/// The words behind our program's name, comments and redirections left out.
fn words(shown: &str) -> Option<Vec<&str>> {
    let rest = BEGINNINGS.iter().find_map(|beginning| shown.trim().strip_prefix(beginning))?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let words = rest.split_whitespace().take_while(|word| !word.starts_with(['#', '>', '|', '&', '[']));
    Some(words.collect())
}

fn check(tree: &Tree) -> Vec<Finding> {
    let mut program = Program::new();
    let mut findings = Vec::new();
    for file in tree.with_extension("md") {
        for spot in shown(file) {
            let fault = words(&spot.text).and_then(|words| program.fault(&words));
            findings.extend(fault.map(|what| Finding::new(&file.path, spot.line, what)));
        }
    }
    findings
}

#[test]
fn shown_commands_exist() {
    assert_none(check(&Tree::read()));
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    for (text, part) in [
        ("run `payment-engine explode`", "explode"),
        ("run `payment-engine tree --shiny`", "--shiny, which payment-engine tree"),
        ("```sh\n# watch\npayment-engine dlq vanish settlement.dlq\n```", "a.md:3"),
        ("```sh\ncargo run --release -- --prot 1\n```", "--prot"),
    ] {
        assert_one(&check(&Tree::of(&[("docs/a.md", text)])), part);
    }
}

#[test]
fn commands_that_exist_are_left_alone() {
    let text = "`payment-engine` `payment-engine serve --listen 127.0.0.1:0` `payment-engine payment 1024 --json`\n\
                `payment-engine dlq list settlement.dlq` `payment-engine-like` `payment-engine tree --watch # all`";
    assert_none(check(&Tree::of(&[("docs/a.md", text)])));
}
