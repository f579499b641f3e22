//! Each way in which the gateway's record can differ from the store, and the invariant under which it must be found.

use serde_json::{Value, json};

use crate::books::{Books, in_both_worlds};
use crate::corrupt::{assert_blamed, assert_only_blamed, one_for_each};

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

async fn every_change_of_the_gateways_record_is_found(mut books: Books) {
    let ids = one_for_each(&mut books, RECORD).await;
    for ((_, change, ..), id) in RECORD.iter().zip(&ids) {
        books.tamper_record(|record| change(record, *id));
    }
    let report = books.check().await;
    for ((what, _, invariant, word), id) in RECORD.iter().zip(&ids) {
        assert_blamed(&report, invariant, *id, word, what);
    }
    assert_only_blamed(&report, &ids);
}

async fn a_payment_that_the_store_lost_is_found_in_the_gateways_record(mut books: Books) {
    books.captured(1).await;
    books.tamper_record(|record| {
        let mut stray = record[0].clone();
        stray["seq"] = json!(99);
        stray["answer"]["paymentId"] = json!(4096);
        stray["answer"]["key"] = json!("4096:authorize:1:1");
        record.push(stray);
    });
    assert_blamed(&books.check().await, "I1", 4096, "does not know", "a lost payment");
}

async fn money_left_behind_at_the_end_is_found(mut books: Books) {
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
    let report = books.check().await;
    assert_blamed(&report, "I1", declined, "AUTH_FAILED", "a declined payment that holds money");
    assert_blamed(&report, "I1", cancelled, "CANCELLED", "a cancelled payment without a void");
}

async fn a_record_out_of_sight_leaves_undecided_what_only_it_can_tell(mut books: Books) {
    books.captured(1).await;
    books.tamper_record(|record| record[0] = json!({"seq": 1}));
    let report = books.check().await;
    let undecided: Vec<_> =
        report.invariants.iter().filter(|one| one.holds.is_none()).map(|one| one.id).collect();
    assert_eq!(undecided, ["I1", "I4", "I9", "I10", "I12", "I13", "I14"]);
    assert!(report.unseen.is_some_and(|why| why.contains("entry 1")));
}

in_both_worlds! {
    every_change_of_the_gateways_record_is_found,
    a_payment_that_the_store_lost_is_found_in_the_gateways_record,
    money_left_behind_at_the_end_is_found,
    a_record_out_of_sight_leaves_undecided_what_only_it_can_tell,
}
