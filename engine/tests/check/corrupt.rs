//! Each way of going wrong, and the invariant under which it must be found.

use payment_engine::check::Report;
use serde_json::{Value, json};

use crate::books::Books;

/// Two neighbours that stay right, and between them the payment that is corrupted: captured in a second try, with
/// one refund and one more that waits as a dead letter after a replay.
async fn books() -> (Books, u64) {
    let mut books = Books::new();
    books.captured(1).await;
    let mut life = books.authorized(2).await;
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
    let id = life.id();
    books.captured(3).await;
    (books, id)
}

/// The result must blame the payment under this invariant, with this word in the sentence.
fn assert_blamed(report: &Report, invariant: &str, id: u64, word: &str, what: &str) {
    let found = report.invariants.iter().find(|one| one.id == invariant).expect("an invariant");
    let blamed = found.violations.iter().any(|one| one.payment_id == id && one.detail.contains(word));
    assert!(
        blamed,
        "{what}: {invariant} does not blame payment {id} with {word:?}; broken: {:?} {found:#?}",
        report.broken()
    );
}

/// A change of the database (`ID` stands for the payment), the invariant, a word of the violation.
const TABLES: &[(&str, &str, &str)] = &[
    ("DELETE FROM payment WHERE payment_id = ID", "I1", "does not know"),
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
    ("DELETE FROM event_log WHERE topic = 'payment.captured' AND key = 'ID'", "I8", "in no topic"),
    (
        "INSERT INTO ledger_entry SELECT entry_id + 100, 'x', 'other', payment_id, 9, side, account, amount, currency, posted_at FROM ledger_entry WHERE payment_id = ID AND operation_no = 2",
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
    (
        "DELETE FROM event_log WHERE topic = 'payment.authorized' AND key = 'ID'",
        "I7",
        "event 1 is in no topic",
    ),
    ("UPDATE payment SET last_event_seq = 4 WHERE payment_id = ID", "I7", "the payment's last is 4"),
    (
        "UPDATE event_log SET offset = 100 - offset WHERE topic = 'payment.refunded' AND key = 'ID'",
        "I7",
        "appears after",
    ),
    (
        "UPDATE event_log SET partition = 5 - partition WHERE offset = (SELECT max(offset) FROM event_log WHERE topic = 'payment.refunded' AND key = 'ID') AND topic = 'payment.refunded' AND key = 'ID'",
        "I7",
        "more than one partition",
    ),
    (
        "INSERT INTO event_log SELECT topic, partition, 900, key, headers, json_set(value, '$.eventId', 'other'), at FROM event_log WHERE topic = 'payment.captured' AND key = 'ID'",
        "I7",
        "and as other",
    ),
    (
        "UPDATE dead_letter SET status = 'replayed' WHERE payment_id = ID AND status = 'open'",
        "I11",
        "2 replayed dead letters and 1 attempts",
    ),
    (
        "INSERT INTO dead_letter SELECT position + 100, 'copy', topic, payment_id, operation_no, operation, error_type, status, body, created_at, closed_at, closed_reason FROM dead_letter WHERE payment_id = ID AND status = 'open'",
        "I11",
        "2 open dead letters",
    ),
    (
        "UPDATE payment_transition SET cause = 'operator' WHERE payment_id = ID AND cause = 'retry'; UPDATE dead_letter SET operation_no = 2 WHERE payment_id = ID AND status = 'replayed'; DELETE FROM dead_letter WHERE status = 'replayed'",
        "I11",
        "0 replayed dead letters and 1 attempts",
    ),
];

#[tokio::test]
async fn every_change_of_the_tables_is_found() {
    for (change, invariant, word) in TABLES {
        let (books, id) = books().await;
        books.tamper(&change.replace("ID", &id.to_string()));
        // Later, because what is missing now may still come.
        let report = books.check_later();
        assert_blamed(&report, invariant, id, word, change);
    }
}

type Change = fn(&mut Vec<Value>, u64);

fn of<'a>(record: &'a mut [Value], id: u64, key: &str) -> &'a mut Value {
    let key = format!("{id}:{key}");
    let line = record.iter_mut().find(|line| line["answer"]["key"] == key.as_str());
    &mut line.expect("an entry of that key")["answer"]
}

fn without(record: &mut Vec<Value>, id: u64, key: &str) {
    record.retain(|line| line["answer"]["key"] != format!("{id}:{key}").as_str());
}

fn again(record: &mut Vec<Value>, id: u64, key: &str, other: &str) {
    let mut copy = json!({"seq": record.len() + 1, "answer": of(record, id, key).clone()});
    copy["answer"]["key"] = json!(format!("{id}:{other}"));
    record.push(copy);
}

/// What is changed in the gateway's record, the change, the invariant, a word of the violation.
const RECORD: &[(&str, Change, &str, &str)] = &[
    ("the capture is gone", |record, id| without(record, id, "capture:2:2"), "I1", "approvals make 0"),
    ("the capture is gone", |record, id| without(record, id, "capture:2:2"), "I10", "no approval"),
    (
        "captured twice",
        |record, id| again(record, id, "capture:2:2", "capture:2:1"),
        "I1",
        "approved 2 times: capture",
    ),
    (
        "captured under a key of its own",
        |record, id| again(record, id, "capture:2:2", "capture:2:3"),
        "I1",
        "does not know",
    ),
    (
        "held twice",
        |record, id| again(record, id, "authorize:1:1", "authorize:1:1"),
        "I1",
        "approved operation 1 2 times",
    ),
    ("refunded once more", |record, id| again(record, id, "refund:3:1", "refund:9:1"), "I1", "does not know"),
    (
        "refunded more than captured",
        |record, id| of(record, id, "refund:4:1")["amount"] = json!(900),
        "I1",
        "refunded 1000 of 800",
    ),
    (
        "another merchant's",
        |record, id| of(record, id, "capture:2:2")["merchantId"] = json!("shop-2"),
        "I1",
        "shop-2",
    ),
    ("another currency", |record, id| of(record, id, "capture:2:2")["currency"] = json!("EUR"), "I2", "EUR"),
    (
        "the first refusal is gone",
        |record, id| without(record, id, "capture:2:1"),
        "I10",
        "attempt 1 of operation 2",
    ),
    (
        "the refund's refusal is gone",
        |record, id| without(record, id, "refund:5:2"),
        "I10",
        "attempt 2 of operation 5",
    ),
    (
        "a refusal was an approval",
        |record, id| of(record, id, "refund:5:2")["status"] = json!("approved"),
        "I10",
        "no refusal",
    ),
];

#[tokio::test]
async fn every_change_of_the_gateways_record_is_found() {
    for (what, change, invariant, word) in RECORD {
        let (mut books, id) = books().await;
        books.tamper_record(|record| change(record, id));
        assert_blamed(&books.check(), invariant, id, word, what);
    }
}

#[tokio::test]
async fn a_payment_that_the_store_lost_is_found_in_the_gateways_record() {
    let mut books = Books::new();
    books.captured(1).await;
    books.tamper_record(|record| {
        let mut stray = record[0].clone();
        stray["seq"] = json!(99);
        stray["answer"]["paymentId"] = json!(4096);
        stray["answer"]["key"] = json!("4096:authorize:1:1");
        record.push(stray);
    });
    assert_blamed(&books.check(), "I1", 4096, "does not know", "a lost payment");
}

#[tokio::test]
async fn money_left_behind_at_the_end_is_found() {
    let mut books = Books::new();
    let mut declined = books.ready(1).await;
    declined.refuse("DO_NOT_HONOR", false).await;
    let declined = declined.id();
    let mut cancelled = books.authorized(2).await;
    cancelled.cancel().await;
    cancelled.approve().await;
    let cancelled = cancelled.id();
    books.tamper_record(|record| {
        of(record, declined, "authorize:1:1")["status"] = json!("approved");
        without(record, cancelled, "void:2:1");
    });
    let report = books.check();
    assert_blamed(&report, "I1", declined, "AUTH_FAILED", "a declined payment that holds money");
    assert_blamed(&report, "I1", cancelled, "CANCELLED", "a cancelled payment without a void");
}

#[tokio::test]
async fn a_terminal_payment_that_moves_on_is_found() {
    let mut books = Books::new();
    let mut declined = books.ready(1).await;
    declined.refuse("DO_NOT_HONOR", false).await;
    let id = declined.id();
    books.tamper(&format!(
        "INSERT INTO payment_transition SELECT payment_id, 3, 'AUTH_FAILED', 'AUTH_FAILED', cause, reason, operation_no,
            attempt, trace_id, token, at FROM payment_transition WHERE payment_id = {id} AND version = 2"
    ));
    assert_blamed(&books.check(), "I6", id, "no edge", "a step out of a terminal state");
}

#[tokio::test]
async fn a_settlement_without_its_audit_is_found() {
    let mut books = Books::new();
    let mut resolved = books.authorized(1).await;
    resolved.capture(1_000).await;
    resolved.hear_nothing().await;
    resolved.resolve().await;
    let id = resolved.id();
    assert!(books.check().is_clean());
    books.tamper("DELETE FROM audit");
    assert_blamed(&books.check(), "I10", id, "without an audit entry", "a settlement nobody audited");
}

#[tokio::test]
async fn a_record_out_of_sight_leaves_undecided_what_only_it_can_tell() {
    let mut books = Books::new();
    books.captured(1).await;
    books.tamper_record(|record| record[0] = json!({"seq": 1}));
    let report = books.check();
    let undecided: Vec<_> =
        report.invariants.iter().filter(|one| one.holds.is_none()).map(|one| one.id).collect();
    assert_eq!(undecided, ["I1", "I4", "I9", "I10", "I12", "I13", "I14"]);
    assert!(report.unseen.is_some_and(|why| why.contains("entry 1")));
}
