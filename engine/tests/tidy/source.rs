//! Rust sources as tokens and paths, with their lines.
//!
//! Owns the reading of Rust for the rules: tokens see inside macros and never inside comments or texts, which
//! searching text cannot promise. Never judges.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::{UseTree, visit::Visit};

use crate::tree::{File, Tree};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or keyword.
    Word,
    /// One character of punctuation.
    Punct,
    /// A text, number or character.
    Literal,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
}

/// One token.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// As written.
    pub(crate) text: String,
    /// The line, from 1.
    pub(crate) line: usize,
}

impl Token {
    /// Whether it is written so.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Literal && self.text == text
    }

    /// The content of a text literal.
    pub(crate) fn content(&self) -> Option<String> {
        if self.kind != Kind::Literal {
            return None;
        }
        syn::parse_str::<syn::LitStr>(&self.text).ok().map(|literal| literal.value())
    }
}

/// Every Rust file of the tree with its tokens.
pub(crate) fn sources(tree: &Tree) -> impl Iterator<Item = (&File, Vec<Token>)> {
    tree.with_extension("rs").map(|file| (file, tokens(&file.text)))
}

/// The tokens of a file, brackets included.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let stream: TokenStream = text.parse().expect("the file is Rust");
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let mut push = |kind, text: String, line| into.push(Token { kind, text, line });
        match tree {
            TokenTree::Ident(word) => push(Kind::Word, word.to_string(), line),
            TokenTree::Punct(punct) => push(Kind::Punct, punct.as_char().to_string(), line),
            TokenTree::Literal(literal) => push(Kind::Literal, literal.to_string(), line),
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                push(Kind::Open, open.to_owned(), line);
                flatten(group.stream(), into);
                let end = group.span_close().start().line;
                into.push(Token { kind: Kind::Close, text: close.to_owned(), line: end });
            }
        }
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// Where a sequence of tokens, written as Rust, begins: indices into `tokens`.
pub(crate) fn find(tokens: &[Token], pattern: &str) -> Vec<usize> {
    let pattern = self::tokens(pattern);
    let matches =
        |window: &&[Token]| window.iter().zip(&pattern).all(|(token, wanted)| token.is(&wanted.text));
    let windows = tokens.windows(pattern.len()).enumerate();
    windows.filter(|(_, window)| matches(window)).map(|(index, _)| index).collect()
}

/// The tokens between the bracket at `open` and its partner.
pub(crate) fn inside(tokens: &[Token], open: usize) -> &[Token] {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            Kind::Word | Kind::Punct | Kind::Literal => {}
        }
        if depth == 0 {
            return &tokens[open + 1..index];
        }
    }
    &[]
}

/// One imported path, groups taken apart: `std::time::Instant`.
pub(crate) struct Import {
    /// The path, names joined by `::`; a glob ends in `*`.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: usize,
}

/// Every import of a file, at any depth.
pub(crate) fn imports(text: &str) -> Vec<Import> {
    struct Collector(Vec<Import>);
    impl<'ast> Visit<'ast> for Collector {
        fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
            take_apart(&item.tree, "", &mut self.0);
        }
    }
    let mut collector = Collector(Vec::new());
    collector.visit_file(&syn::parse_file(text).expect("the file is Rust"));
    collector.0
}

fn take_apart(tree: &UseTree, prefix: &str, into: &mut Vec<Import>) {
    let line = tree.span().start().line;
    let mut leaf = |name: String| into.push(Import { path: format!("{prefix}{name}"), line });
    match tree {
        UseTree::Path(path) => take_apart(&path.tree, &format!("{prefix}{}::", path.ident), into),
        UseTree::Group(group) => group.items.iter().for_each(|item| take_apart(item, prefix, into)),
        UseTree::Name(name) => leaf(name.ident.to_string()),
        UseTree::Rename(rename) => leaf(rename.ident.to_string()),
        UseTree::Glob(_) => leaf("*".to_owned()),
    }
}

#[test]
fn tokens_see_macros_and_not_comments() {
    let tokens = tokens("// tokio::spawn\nfn f() {\n    m! { tokio::spawn(x) }\n    \"tokio::spawn\";\n}");
    let found: Vec<usize> = find(&tokens, "tokio::spawn").iter().map(|&at| tokens[at].line).collect();
    assert_eq!(found, [3]);
}

#[test]
fn imports_are_taken_apart() {
    let found: Vec<String> = imports("use std::{fs, time::{Duration, Instant as I}};")
        .into_iter()
        .map(|import| import.path)
        .collect();
    assert_eq!(found, ["std::fs", "std::time::Duration", "std::time::Instant"]);
}
