//! What code may not use, and what it uses instead.
//!
//! Owns the rules that keep actors deterministic: with one seed and virtual time, two runs of the same actors
//! behave the same. That holds only if time, chance, tasks and the outside world reach them through the
//! supervision layer and the ports. Never repeats clippy.

use syn::visit::Visit;

use crate::finding::{Finding, assert_none, assert_one};
use crate::source::{self, Import, Token};
use crate::tree::{File, Tree};

/// Something that may not be used.
struct Ban {
    /// Tokens; a path also matches when it is imported, alone or in a group.
    what: &'static str,
    /// What to use.
    instead: &'static str,
}

const fn ban(what: &'static str, instead: &'static str) -> Ban {
    Ban { what, instead }
}

const CLOCK: &str = "wall-clock time comes from `ports::clock`, elapsed time from `tokio::time::Instant`";
const CHANCE: &str = "randomness comes from `ports::random`, so that a seed repeats it";
const TASKS: &str = "tasks belong to an actor: `Ctx::spawn`";
const THREADS: &str = "actors never block nor start threads; an adapter behind a port does";
const WORLD: &str = "the outside world is reached through a port";
const ORDER: &str = "its iteration order differs from run to run: `BTreeMap` or `BTreeSet`";
const STATE: &str = "state belongs to an actor, never to the process";
const PRINT: &str = "say it with `tracing`";

/// What holds wherever behaviour must depend on inputs alone.
const PURE: &[Ban] = &[
    ban("SystemTime", CLOCK),
    ban("std::time::Instant", CLOCK),
    ban("Utc::now", CLOCK),
    ban("Local::now", CLOCK),
    ban("thread_rng", CHANCE),
    ban("fastrand", CHANCE),
    ban("rand::rng", CHANCE),
    ban("rand::random", CHANCE),
    ban("getrandom", CHANCE),
    ban("OsRng", CHANCE),
    ban("Uuid::new_v4", CHANCE),
    ban("Uuid::now_v7", CHANCE),
    ban("std::thread", THREADS),
    ban("std::fs", WORLD),
    ban("std::net", WORLD),
    ban("std::process", WORLD),
    ban("std::env", WORLD),
    ban("tokio::fs", WORLD),
    ban("tokio::net", WORLD),
    ban("tokio::process", WORLD),
    ban("HashMap", ORDER),
    ban("HashSet", ORDER),
    ban("static mut", STATE),
    ban("thread_local!", STATE),
    ban("lazy_static!", STATE),
    ban("OnceLock", STATE),
    ban("LazyLock", STATE),
    ban("println!", PRINT),
    ban("eprintln!", PRINT),
    ban("print!", PRINT),
];

/// What only the supervision layer does.
const SUPERVISED: &[Ban] = &[
    ban("tokio::spawn", TASKS),
    ban("tokio::task::spawn", TASKS),
    ban("tokio::task::spawn_local", TASKS),
    ban("tokio::task::LocalSet", TASKS),
    ban("spawn_blocking", THREADS),
    ban("block_in_place", THREADS),
    ban("block_on", THREADS),
    ban("actix::spawn", TASKS),
    ban("actix_rt::spawn", TASKS),
    ban("Arbiter::new", "arbiters are made by the engine and handed in"),
    ban("ResponseFuture", "its panic looks like death while the actor lives on: `Ctx::spawn`"),
];

/// What no code may hold.
const NOWHERE: &[Ban] = &[
    ban("dbg!", PRINT),
    ban("todo!", "finish it or leave it out"),
    ban("unimplemented!", "finish it or leave it out"),
    ban("static mut", "a lock or an atomic says who may write"),
];

/// Where tasks need no supervisor: in the layer that is the supervisor; in the simulation's twins, which are the
/// outside world, so that their work outlives the actor that asked for it; and in cases that are run by tests.
const UNSUPERVISED: &[&str] =
    &["actors/src/supervision/", "actors/src/simulation/", "actors/src/contract_tests/"];

/// The bans that hold for a file.
fn bans_for(path: &str) -> Vec<&'static [Ban]> {
    let mut bans = vec![NOWHERE];
    if path.starts_with("schema/src/") || path.starts_with("actors/src/") {
        bans.push(PURE);
        if !UNSUPERVISED.iter().any(|at| path.starts_with(at)) {
            bans.push(SUPERVISED);
        }
    }
    bans
}

/// Breaches in the whole tree.
fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, tokens) in source::sources(tree) {
        let imports = source::imports(&file.text);
        for ban in bans_for(&file.path).into_iter().flatten() {
            uses(file, &tokens, &imports, ban, &mut findings);
        }
        if file.path.starts_with("actors/src/") {
            unbiased_selects(file, &tokens, &mut findings);
            mutable_statics(file, &mut findings);
        }
        silenced_lints(file, &tokens, &mut findings);
    }
    findings.sort();
    findings.dedup();
    findings
}

fn uses(file: &File, tokens: &[Token], imports: &[Import], ban: &Ban, findings: &mut Vec<Finding>) {
    let what = format!("`{}` is banned here; {}", ban.what, ban.instead);
    for at in source::find(tokens, ban.what) {
        findings.push(Finding::new(&file.path, tokens[at].line, what.clone()));
    }
    let inner = format!("{}::", ban.what);
    for import in imports {
        if import.path == ban.what || import.path.starts_with(&inner) {
            findings.push(Finding::new(&file.path, import.line, what.clone()));
        }
    }
}

fn unbiased_selects(file: &File, tokens: &[Token], findings: &mut Vec<Finding>) {
    for at in source::find(tokens, "select!") {
        let body = source::inside(tokens, at + 2);
        if !body.first().is_some_and(|token| token.is("biased")) {
            let what = "`select!` without `biased;` draws its branch from a hidden random source";
            findings.push(Finding::new(&file.path, tokens[at].line, what));
        }
    }
}

/// A `static` of a type that can change behind a shared reference is global state.
fn mutable_statics(file: &File, findings: &mut Vec<Finding>) {
    struct Statics(Vec<(usize, String)>);
    impl<'ast> Visit<'ast> for Statics {
        fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
            let mut types = Words(Vec::new());
            types.visit_type(&item.ty);
            self.0.extend(types.0.into_iter().map(|name| (item.ident.span().start().line, name)));
        }
    }
    struct Words(Vec<String>);
    impl<'ast> Visit<'ast> for Words {
        fn visit_ident(&mut self, ident: &'ast proc_macro2::Ident) {
            self.0.push(ident.to_string());
        }
    }
    let mut statics = Statics(Vec::new());
    statics.visit_file(&syn::parse_file(&file.text).expect("the file is Rust"));
    for (line, name) in statics.0 {
        let changes = ["Mutex", "RwLock", "Cell", "RefCell", "OnceCell"].contains(&name.as_str());
        if changes || name.starts_with("Atomic") {
            findings.push(Finding::new(
                &file.path,
                line,
                format!("a static `{name}` is banned here; {STATE}"),
            ));
        }
    }
}

/// `#[allow(…)]` and `#[expect(…)]` say why.
fn silenced_lints(file: &File, tokens: &[Token], findings: &mut Vec<Finding>) {
    for name in ["allow", "expect"] {
        for at in attributes(tokens, name) {
            let inside = source::inside(tokens, at + 2);
            if source::find(inside, "reason =").is_empty() {
                let what = "a lint is silenced without a `reason`";
                findings.push(Finding::new(&file.path, tokens[at].line, what));
            }
        }
    }
}

/// Where `[name(` begins.
fn attributes<'a>(tokens: &'a [Token], name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_start = move |window: &[Token]| window[0].is("[") && window[1].is(name) && window[2].is("(");
    tokens.windows(3).enumerate().filter(move |(_, window)| is_start(window)).map(|(at, _)| at)
}

#[test]
fn nothing_banned_is_used() {
    assert_none(check(&Tree::read()));
}

#[test]
fn each_ban_is_noticed() {
    for (bans, path) in
        [(PURE, "actors/src/x.rs"), (SUPERVISED, "actors/src/x.rs"), (NOWHERE, "engine/src/x.rs")]
    {
        for ban in bans {
            let body = if ban.what == "static mut" { "static mut X: u8 = 0;" } else { ban.what };
            let ending = if ban.what.ends_with('!') { "()" } else { "" };
            let code = format!("fn f() {{\n    {body}{ending};\n}}\n");
            let wanted = format!("x.rs:2: `{}`", ban.what);
            let found = check(&Tree::of(&[(path, &code)]));
            assert!(found.iter().any(|finding| finding.to_string().contains(&wanted)), "{wanted}: {found:?}");
        }
    }
}

#[test]
fn imports_and_macros_hide_nothing() {
    let cases = [
        ("use std::{sync::Arc, time::{Duration, Instant}};", "std::time::Instant"),
        ("use tokio::task;\nfn f() { join!(tokio::task::spawn(x)); }", "tokio::task::spawn"),
        ("use std::fs::File;", "std::fs"),
        ("fn f() { tokio::select! { a = b => {} } }", "biased"),
        ("static SEEN: AtomicU64 = AtomicU64::new(0);", "AtomicU64"),
        ("static SEEN: std::sync::Mutex<u8> = X;", "Mutex"),
        ("#[allow(dead_code)]\nfn f() {}", "reason"),
        ("#[expect(dead_code)]\nfn f() {}", "reason"),
    ];
    for (code, part) in cases {
        assert_one(&check(&Tree::of(&[("actors/src/x.rs", code)])), part);
    }
}

#[test]
fn what_is_allowed_stays_allowed() {
    let code = "//! about HashMap and SystemTime\nuse tokio::time::Instant;\nstatic NAME: &str = \"std::fs\";\n\
                #[expect(dead_code, reason = \"shown in a test\")]\n\
                fn f() { tokio::select! { biased; a = b => {} } }";
    assert_none(check(&Tree::of(&[("actors/src/x.rs", code)])));
    assert_none(check(&Tree::of(&[("actors/src/supervision/x.rs", "fn f() { actix_rt::spawn(x); }")])));
    assert_none(check(&Tree::of(&[("engine/src/x.rs", "use std::collections::HashMap;")])));
}
