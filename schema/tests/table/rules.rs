//! Every rule of `docs/payments.md` that `decide` can show has its lines in the tables, and no table cites a rule that
//! the document does not have.

use std::collections::BTreeSet;
use std::path::Path;

use crate::TABLES;

/// Numbers such as `2.3` that begin a rule in the document: `**2.3** …`, with `(elsewhere)` behind those that other
/// crates keep.
fn rules_of_the_document() -> (BTreeSet<String>, BTreeSet<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/payments.md");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rules = text.lines().filter_map(|line| line.strip_prefix("**")?.split_once("**"));
    let (elsewhere, here): (Vec<_>, Vec<_>) =
        rules.filter(|(number, _)| is_number(number)).partition(|(_, rest)| rest.contains("(elsewhere"));
    let numbers = |rules: Vec<(&str, &str)>| rules.into_iter().map(|(number, _)| number.to_owned()).collect();
    (numbers(here), numbers(elsewhere))
}

fn is_number(text: &str) -> bool {
    text.split_once('.')
        .is_some_and(|(chapter, rule)| chapter.parse::<u8>().is_ok() && rule.parse::<u8>().is_ok())
}

fn cited() -> BTreeSet<String> {
    let headings =
        TABLES.iter().flat_map(|(_, text)| text.lines()).filter(|line| line.starts_with(['#', '=']));
    let words = headings.flat_map(|line| line.split([' ', ';', ',', ':']));
    words.filter(|word| is_number(word)).map(str::to_owned).collect()
}

#[test]
fn every_rule_has_its_lines() {
    let (here, elsewhere) = rules_of_the_document();
    let cited = cited();
    let missing: Vec<_> = here.difference(&cited).collect();
    assert!(missing.is_empty(), "rules without a line in the tables: {missing:?}");
    let unknown: Vec<_> =
        cited.iter().filter(|rule| !here.contains(*rule) && !elsewhere.contains(*rule)).collect();
    assert!(unknown.is_empty(), "rules that docs/payments.md does not have: {unknown:?}");
}
