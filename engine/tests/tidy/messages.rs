//! How log lines and errors are worded.
//!
//! Owns the style: a fragment that reads well after a prefix, so lower-case at the beginning and no full stop at
//! the end; values go into fields. Never judges problem texts for API users, which are sentences.

use crate::finding::{Finding, assert_none, assert_one};
use crate::source::{self, Kind, Token};
use crate::tree::Tree;

const LOG_MACROS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, tokens) in source::sources(tree) {
        for token in logged(&tokens).into_iter().chain(errors(&tokens)) {
            let text = token.content().unwrap_or_default();
            findings.extend(
                fault(&text).map(|what| Finding::new(&file.path, token.line, format!("{text:?} {what}"))),
            );
        }
    }
    findings
}

/// What is wrong with a message.
fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must say something")
    } else if text.starts_with(char::is_uppercase) {
        Some("must begin in lower case")
    } else if text.ends_with(['.', '!', '\n', ' ']) {
        Some("must end without full stop, exclamation mark or space")
    } else {
        None
    }
}

/// The message of each log line: the first argument that begins with a text.
fn logged(tokens: &[Token]) -> Vec<&Token> {
    let is_log = |window: &[Token]| {
        LOG_MACROS.iter().any(|name| window[0].is(name)) && window[1].is("!") && window[2].kind == Kind::Open
    };
    let starts = tokens.windows(3).enumerate().filter(|(_, window)| is_log(window)).map(|(at, _)| at + 2);
    starts.filter_map(|open| first_text_argument(source::inside(tokens, open))).collect()
}

fn first_text_argument(arguments: &[Token]) -> Option<&Token> {
    let mut depth = 0_usize;
    let mut at_start = true;
    for token in arguments {
        if at_start && depth == 0 && token.content().is_some() {
            return Some(token);
        }
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            Kind::Word | Kind::Punct | Kind::Literal => {}
        }
        at_start = token.is(",");
    }
    None
}

/// The text of each `#[error("…")]`.
fn errors(tokens: &[Token]) -> Vec<&Token> {
    let is_error = |window: &[Token]| window[0].is("[") && window[1].is("error") && window[2].is("(");
    let texts = tokens.windows(4).filter(|window| is_error(window)).map(|window| &window[3]);
    texts.filter(|token| token.content().is_some()).collect()
}

#[test]
fn messages_are_fragments() {
    assert_none(check(&Tree::read()));
}

#[test]
fn a_badly_worded_message_is_noticed() {
    let cases = [
        ("fn f() { tracing::warn!(a = 1, \"Something broke\"); }", "lower case"),
        ("fn f() { info!(target: \"x\", %cause, \"it broke.\"); }", "full stop"),
        ("fn f() { error!(a = f(1, 2), \"\"); }", "say something"),
        ("#[derive(E)]\nenum E {\n    #[error(\"Bad {0}\")]\n    A(u8),\n}", "x.rs:3"),
        ("#[error(\n    \"bad {}.\",\n    self.x()\n)]\nstruct E;", "x.rs:2"),
    ];
    for (code, part) in cases {
        assert_one(&check(&Tree::of(&[("x.rs", code)])), part);
    }
}

#[test]
fn fields_and_targets_are_not_messages() {
    let code = "fn f() { tracing::info!(target: \"X.\", name = \"A.\", \"all is well\"); tracing::info!(x); }\n\
                #[error(transparent)]\nstruct E;\n#[error(\"{cause}; check --config\")]\nstruct F;";
    assert_none(check(&Tree::of(&[("x.rs", code)])));
}
