//! Documents that repeat what code says must say the same.

use std::path::Path;

use payment_schema::dead_letter::LetterError;
use payment_schema::invariant::Invariant;
use payment_schema::status::Status;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn invariants_have_the_codes_sentences() {
    let text = read("docs/invariants.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (id, sentence) = (cells.next()?, cells.next()?);
        id.starts_with('I').then(|| (id.to_owned(), sentence.to_owned()))
    });
    let documented: Vec<(String, String)> = rows.collect();
    let in_code: Vec<(String, String)> = Invariant::ALL
        .into_iter()
        .map(|invariant| (invariant.id().to_owned(), invariant.sentence().to_owned()))
        .collect();
    assert_eq!(documented, in_code);
}

/// Every arrow of the diagram is an edge, and every edge that changes the state is an arrow.
#[test]
fn the_diagram_has_the_state_machines_edges() {
    let text = read("docs/payments.md");
    let mut drawn: Vec<(Status, Status)> = Vec::new();
    for line in text.lines().filter(|line| line.contains(" --> ") && !line.contains("[*]")) {
        let (from, rest) = line.trim().split_once(" --> ").expect("the filter saw the arrow");
        let (to, why) = rest.split_once(": ").expect("every arrow says why");
        assert!(!why.is_empty());
        let state = |name: &str| Status::parse(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        drawn.push((state(from), state(to)));
    }
    let mut edges: Vec<(Status, Status)> = Vec::new();
    for from in Status::ALL {
        edges.extend(
            Status::ALL.into_iter().filter(|to| from != *to && from.may_become(*to)).map(|to| (from, to)),
        );
    }
    drawn.sort_unstable();
    edges.sort_unstable();
    assert_eq!(drawn, edges);
}

#[test]
fn terminal_states_end_in_the_diagram() {
    let text = read("docs/payments.md");
    for status in Status::ALL {
        assert_eq!(text.contains(&format!("{status} --> [*]")), status.is_terminal(), "{status}");
    }
}

#[test]
fn reasons_for_dead_letters_are_explained() {
    let text = read("docs/payments.md");
    for error in [LetterError::AmountMismatch, LetterError::ContradictingAnswer] {
        assert!(text.contains(error.as_str()), "{}", error.as_str());
    }
}
