//! Each way in which the tables can be wrong, and the invariant under which it must be found.

use std::collections::BTreeSet;

use payment_engine::check::Report;

use crate::books::{Books, in_both_worlds};

/// The payment that is corrupted: captured in a second try, with two refunds and one more that waits as a dead letter
/// after a replay.
pub(crate) async fn eventful(books: &mut Books, sequence: u64) -> u64 {
    let mut life = books.authorized(sequence).await;
    life.capture(800).await;
    life.refuse("BUSY", true).await;
    life.retry().await;
    life.approve().await;
    for part in [100, 200] {
        life.refund(part).await;
        life.approve().await;
    }
    life.refund(300).await;
    life.refuse("CLOSED", false).await;
    life.replay().await;
    life.refuse("CLOSED", false).await;
    life.id()
}

/// An eventful payment for each case, all with neighbours that stay right.
pub(crate) async fn one_for_each<T>(books: &mut Books, cases: &[T]) -> Vec<u64> {
    let mut ids = Vec::new();
    for sequence in (1..).step_by(2).take(cases.len()) {
        ids.push(eventful(books, sequence).await);
        books.captured(sequence + 1).await;
    }
    ids
}

/// The result must blame the payment under this invariant, with this word in the sentence.
pub(crate) fn assert_blamed(report: &Report, invariant: &str, id: u64, word: &str, what: &str) {
    let found = report.invariants.iter().find(|one| one.id == invariant).expect("an invariant");
    let blamed = found.violations.iter().any(|one| one.payment_id == Some(id) && one.detail.contains(word));
    assert!(
        blamed,
        "{what}: {invariant} does not blame payment {id} with {word:?}; broken: {:?} {found:#?}",
        report.broken()
    );
}

/// No other payment may be blamed for anything.
pub(crate) fn assert_only_blamed(report: &Report, guilty: &[u64]) {
    let guilty: BTreeSet<Option<u64>> = guilty.iter().map(|id| Some(*id)).collect();
    let violations = report.invariants.iter().flat_map(|invariant| &invariant.violations);
    let innocent: Vec<_> = violations.filter(|one| !guilty.contains(&one.payment_id)).collect();
    assert!(innocent.is_empty(), "{innocent:#?}");
}

/// A change of the database (`ID` stands for the payment), the invariant, a word of the violation.
const TABLES: &[(&str, &str, &str)] = &[
    ("DELETE FROM payment WHERE payment_id = ID", "I1", "does not know"),
    ("DELETE FROM payment WHERE payment_id = ID", "I6", "transitions of it and no payment"),
    ("DELETE FROM payment WHERE payment_id = ID", "I7", "of a payment that the store does not have"),
    ("UPDATE payment SET captured_amount = 1500 WHERE payment_id = ID", "I2", "1500 were captured of 1000"),
    ("UPDATE payment SET refunded_amount = 600 WHERE payment_id = ID", "I2", "make 900"),
    ("UPDATE payment SET amount = 0 WHERE payment_id = ID", "I2", "the amount is 0"),
    (
        "UPDATE payment SET document = json_set(document, '$.operations[2].progress', 'attempting') WHERE payment_id = ID",
        "I2",
        "2 refunds are open",
    ),
    ("UPDATE ledger_entry SET currency = 'EUR' WHERE payment_id = ID", "I2", "EUR"),
    ("UPDATE payment SET captured_amount = 700 WHERE payment_id = ID", "I1", "make 800, the payment has 700"),
    ("UPDATE payment SET captured_amount = 700 WHERE payment_id = ID", "I3", "entries make 800"),
    (
        "UPDATE ledger_entry SET amount = 1 WHERE payment_id = ID AND side = 'debit' AND operation_no = 2",
        "I3",
        "do not balance",
    ),
    ("UPDATE ledger_entry SET amount = 1 WHERE payment_id = ID AND operation_no = 2", "I3", "posted with 1"),
    (
        "DELETE FROM ledger_entry WHERE payment_id = ID AND side = 'credit' AND operation_no = 2",
        "I3",
        "0 credit rows",
    ),
    (
        "UPDATE ledger_entry SET account = 'cash:shop-2:USD' WHERE payment_id = ID AND side = 'credit' AND operation_no = 2",
        "I3",
        "shop-2",
    ),
    (
        "UPDATE ledger_entry SET operation_no = 1 WHERE payment_id = ID AND operation_no = 2",
        "I3",
        "moves no money",
    ),
    ("DELETE FROM ledger_entry WHERE payment_id = ID AND operation_no = 3", "I8", "is not posted"),
    (
        "INSERT INTO ledger_entry SELECT entry_id + 1000000, 'x', 'other', payment_id, 9, side, account, amount, currency, posted_at FROM ledger_entry WHERE payment_id = ID AND operation_no = 2",
        "I8",
        "in no topic",
    ),
    ("DELETE FROM dead_letter WHERE payment_id = ID AND status = 'open'", "I5", "no open dead letter"),
    (
        "UPDATE dead_letter SET status = 'discarded' WHERE payment_id = ID AND status = 'open'",
        "I5",
        "no open dead letter",
    ),
    (
        "UPDATE payment SET document = json_set(document, '$.operations[4].progress', 'given-up') WHERE payment_id = ID",
        "I5",
        "nothing is open",
    ),
    (
        "UPDATE payment SET document = json_set(document, '$.operations[4].progress', 'attempting') WHERE payment_id = ID",
        "I5",
        "no sweep",
    ),
    (
        "UPDATE payment SET due_at = 1, due_kind = 'refund', document = json_set(document, '$.operations[4].progress', 'attempting') WHERE payment_id = ID",
        "I5",
        "left alone",
    ),
    (
        "DELETE FROM payment_transition WHERE payment_id = ID AND version = 3",
        "I6",
        "version 4 follows version 2",
    ),
    (
        "DELETE FROM payment_transition WHERE payment_id = ID AND version = 1",
        "I6",
        "version 2 follows version 0",
    ),
    (
        "UPDATE payment_transition SET from_status = 'READY' WHERE payment_id = ID AND version = 3",
        "I6",
        "starts from READY",
    ),
    (
        "UPDATE payment_transition SET to_status = 'REFUNDED' WHERE payment_id = ID AND version = 3",
        "I6",
        "no edge",
    ),
    ("UPDATE payment SET status = 'CAPTURED' WHERE payment_id = ID", "I6", "the row is at"),
    ("UPDATE payment SET version = version + 1 WHERE payment_id = ID", "I6", "the history ends"),
    ("UPDATE payment SET document = '{}' WHERE payment_id = ID", "I6", "cannot be read"),
    (
        "UPDATE payment SET document = json_set(document, '$.captured', 1) WHERE payment_id = ID",
        "I6",
        "contradict",
    ),
    (
        "DELETE FROM refund_request WHERE payment_id = ID AND operation_no = 3",
        "I6",
        "request row of operation 3",
    ),
    (
        "UPDATE settlement_request SET status = 'open' WHERE payment_id = ID",
        "I6",
        "request row of operation 2",
    ),
    ("UPDATE payment SET last_event_seq = 4 WHERE payment_id = ID", "I7", "the payment's last is 4"),
    (
        "UPDATE dead_letter SET status = 'replayed' WHERE payment_id = ID AND status = 'open'",
        "I11",
        "2 replayed dead letters and 1 attempts",
    ),
    (
        "INSERT INTO dead_letter SELECT position + 1000000, 'copy-ID', topic, payment_id, operation_no, operation, error_type, status, body, created_at, closed_at, closed_reason FROM dead_letter WHERE payment_id = ID AND status = 'open'",
        "I11",
        "2 open dead letters",
    ),
    (
        "UPDATE payment_transition SET cause = 'operator' WHERE payment_id = ID AND cause = 'retry'; UPDATE dead_letter SET operation_no = 2 WHERE payment_id = ID AND status = 'replayed'; DELETE FROM dead_letter WHERE payment_id = ID AND status = 'replayed'",
        "I11",
        "0 replayed dead letters and 1 attempts",
    ),
];

async fn every_change_of_the_tables_is_found(mut books: Books) {
    let ids = one_for_each(&mut books, TABLES).await;
    for ((change, ..), id) in TABLES.iter().zip(&ids) {
        books.tamper(&change.replace("ID", &id.to_string())).await;
    }
    // Later, because what is missing now may still come.
    let report = books.check_later().await;
    for ((change, invariant, word), id) in TABLES.iter().zip(&ids) {
        assert_blamed(&report, invariant, *id, word, change);
    }
    assert_only_blamed(&report, &ids);
}

async fn a_terminal_payment_that_moves_on_is_found(mut books: Books) {
    let mut declined = books.ready(1).await;
    declined.refuse("DO_NOT_HONOR", false).await;
    let id = declined.id();
    books.tamper(&format!(
        "INSERT INTO payment_transition SELECT payment_id, 3, 'AUTH_FAILED', 'AUTH_FAILED', cause, reason, operation_no,
            attempt, trace_id, token, at FROM payment_transition WHERE payment_id = {id} AND version = 2"
    )).await;
    assert_blamed(&books.check().await, "I6", id, "no edge", "a step out of a terminal state");
}

async fn a_settlement_without_its_audit_is_found(mut books: Books) {
    let mut resolved = books.authorized(1).await;
    resolved.capture(1_000).await;
    resolved.hear_nothing().await;
    resolved.resolve().await;
    let id = resolved.id();
    assert!(books.check().await.is_clean());
    books.tamper("DELETE FROM audit").await;
    assert_blamed(&books.check().await, "I10", id, "without an audit entry", "a settlement nobody audited");
}

in_both_worlds! {
    every_change_of_the_tables_is_found,
    a_terminal_payment_that_moves_on_is_found,
    a_settlement_without_its_audit_is_found,
}
