//! I3: the ledger balances and equals what was captured and refunded. I8: it was posted exactly once per event.

use payment_schema::invariant::Invariant::{I3, I8};

use super::dossier::{Dossier, EntryRow, EventRow, OperationRow, PaymentRow, Progress};
use super::verdicts::Verdicts;

pub(super) fn examine(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    verdicts.examined(I3);
    for transaction in dossier.entries.chunk_by(|a, b| a.operation_no == b.operation_no) {
        examine_transaction(dossier.id, payment, transaction, verdicts);
    }
    examine_sum(dossier, payment, "capture", payment.captured, verdicts);
    examine_sum(dossier, payment, "refund", payment.refunded, verdicts);
    examine_effects(dossier, payment, verdicts);
}

/// The two rows of one movement: the same in all but side and account.
fn examine_transaction(id: u64, payment: &PaymentRow, rows: &[EntryRow], verdicts: &mut Verdicts) {
    let no = rows[0].operation_no;
    let (debits, credits): (Vec<&EntryRow>, Vec<&EntryRow>) =
        rows.iter().partition(|row| row.side == "debit");
    let ([debit], [credit]) = (debits.as_slice(), credits.as_slice()) else {
        let (debits, credits) = (debits.len(), credits.len());
        verdicts.broken(I3, id, format!("operation {no} has {debits} debit and {credits} credit rows"));
        return;
    };
    let shared =
        |row: &EntryRow| (row.amount, row.currency.clone(), row.transaction_id.clone(), row.event_id.clone());
    verdicts.require(I3, id, shared(debit) == shared(credit), || {
        format!("the rows of operation {no} do not balance: debit {}, credit {}", debit.amount, credit.amount)
    });
    let receivable = format!("merchant_receivable:{}:{}", payment.merchant_id, payment.currency);
    let cash = format!("cash:{}:{}", payment.merchant_id, payment.currency);
    let expected = match payment.operation(no).map(|operation| operation.kind.as_str()) {
        Some("capture") => (receivable.as_str(), cash.as_str()),
        Some("refund") => (cash.as_str(), receivable.as_str()),
        Some(_) | None => {
            verdicts.broken(I3, id, format!("operation {no} is posted and moves no money"));
            return;
        }
    };
    verdicts.require(I3, id, (debit.account.as_str(), credit.account.as_str()) == expected, || {
        format!("operation {no} is posted from {} to {}", debit.account, credit.account)
    });
}

/// What is posted for approved operations of a kind equals what the payment's row says, or will soon.
fn examine_sum(dossier: &Dossier, payment: &PaymentRow, kind: &str, row: i64, verdicts: &mut Verdicts) {
    let posted = |operation: &OperationRow| {
        let rows = dossier
            .entries
            .iter()
            .filter(|entry| entry.operation_no == operation.no && entry.side == "debit");
        rows.map(|entry| i128::from(entry.amount)).sum::<i128>()
    };
    let of_kind = || payment.operations().iter().filter(|operation| operation.kind == kind);
    let sum: i128 = of_kind().map(posted).sum();
    // Not posted yet; whether that is in order is decided event by event.
    let pending: i128 = of_kind()
        .filter(|operation| operation.progress == Progress::Approved && posted(operation) == 0)
        .map(|operation| i128::from(operation.amount))
        .sum();
    verdicts.require(I3, dossier.id, sum + pending == i128::from(row), || {
        format!("{kind} entries make {sum} where the payment has {row}")
    });
}

/// Every fact that moves money was posted once, and nothing else was.
fn examine_effects(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    verdicts.examined(I8);
    let facts: Vec<(&EventRow, i64)> =
        dossier.events.iter().filter_map(|found| Some((found, moved(found)?))).collect();
    for (fact, amount) in &facts {
        let event_id = &fact.event.event_id;
        let rows: Vec<&EntryRow> = dossier.entries.iter().filter(|row| row.event_id == *event_id).collect();
        if rows.is_empty() {
            examine_unposted(dossier, fact, verdicts);
            continue;
        }
        verdicts.require(I8, dossier.id, rows.len() == 2, || {
            format!("event {event_id} is posted as {} rows", rows.len())
        });
        for row in rows {
            verdicts.require(I3, dossier.id, row.amount == *amount, || {
                format!("event {event_id} moved {amount} and is posted with {}", row.amount)
            });
        }
    }
    for entry in &dossier.entries {
        let caused = facts.iter().any(|(fact, _)| fact.event.event_id == entry.event_id);
        verdicts.require(I8, dossier.id, caused, || {
            format!(
                "operation {} is posted for event {}, which is in no topic",
                entry.operation_no, entry.event_id
            )
        });
    }
    examine_published(dossier, payment, verdicts);
}

/// An approved movement whose fact is neither published nor waiting would never be posted.
fn examine_published(dossier: &Dossier, payment: &PaymentRow, verdicts: &mut Verdicts) {
    if dossier.lacks_events {
        return;
    }
    let approved = payment.operations().iter().filter(|operation| operation.progress == Progress::Approved);
    for operation in approved.filter(|operation| matches!(operation.kind.as_str(), "capture" | "refund")) {
        let told = dossier
            .events
            .iter()
            .any(|found| found.event.operation_no == operation.no && moved(found).is_some());
        let waiting = dossier.unpublished.iter().any(|row| row.event_seq.is_some());
        let no = operation.no;
        verdicts.require(I3, dossier.id, told || waiting, || {
            format!("operation {no} is approved, and no event of it is in a topic or on its way")
        });
    }
}

fn examine_unposted(dossier: &Dossier, fact: &EventRow, verdicts: &mut Verdicts) {
    let letter_id = format!("{}-{}-{}", fact.topic, fact.partition, fact.offset);
    let first = dossier.events.iter().find(|other| other.event.event_id == fact.event.event_id);
    let is_repetition = first.is_some_and(|first| first.offset != fact.offset);
    let excused = is_repetition || dossier.letters.iter().any(|letter| letter.id == letter_id);
    if !excused && !verdicts.is_fresh(fact.at) {
        let event_id = &fact.event.event_id;
        verdicts.broken(I8, dossier.id, format!("event {event_id} is not posted since {}", fact.at));
    }
}

/// How much an event's fact moved; `None` when it moved nothing.
fn moved(found: &EventRow) -> Option<i64> {
    match found.topic.rsplit_once("payment.").map(|(_, name)| name) {
        Some("captured") => found.event.captured_amount,
        Some("refunded") => found.event.refund_amount,
        Some(_) | None => None,
    }
}
