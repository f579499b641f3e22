//! The rules of money as tables: one line per case, ending in what becomes of it.
//!
//! A case file holds scenarios. `== title` begins one; a comment above it names the rule it belongs to, by its number
//! in `docs/payments.md`. Every other line is a step, or a question, with its expected answer behind the bar.
//! `scenario.rs` reads and runs them, `steps.rs` knows the commands, `questions.rs` the questions, and `words.rs` says
//! the outcome. Every step is held against the laws in `tests/support/` besides. `published.rs` looks at the schemas of
//! what is published, `rules.rs` at the numbers.

#[path = "../support/edges.rs"]
mod edges;
#[path = "../support/laws.rs"]
mod laws;
#[path = "../support/schemas.rs"]
mod schemas;
#[path = "../support/world.rs"]
mod world;

mod published;
mod questions;
mod rules;
mod scenario;
mod steps;
mod words;

macro_rules! tables {
    ($($name:ident),+ $(,)?) => {
        /// Every case file and its text.
        const TABLES: &[(&str, &str)] =
            &[$((stringify!($name), include_str!(concat!("cases/", stringify!($name), ".txt"))),)+];

        $(
            #[test]
            fn $name() {
                scenario::run(stringify!($name), include_str!(concat!("cases/", stringify!($name), ".txt")));
            }
        )+
    };
}

tables!(
    authorize,
    capture,
    refund,
    cancel,
    cancel_ready,
    expiry,
    unknown,
    tries,
    letters,
    resolve,
    repeats,
    late,
    history,
);
