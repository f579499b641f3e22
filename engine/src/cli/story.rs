//! The story of one payment on one screen: a whole life with a partial capture and two refunds takes less than 40
//! lines of 100 columns. Hence one line per movement, and the payment gateway's answers beside the operations they
//! answer. What is left out for it (ids and times of the sources) is in the JSON.

use payment_schema::time::Timestamp;

use super::terminal::table;
use crate::check::dossier::{Dossier, EntryRow, OperationRow, PaymentRow, PgEntry, Progress};

/// The page for a terminal.
pub(super) fn page(dossier: &Dossier) -> String {
    let mut page = match &dossier.payment {
        Some(payment) => head(dossier.id, payment),
        None => format!("payment {} is not in the store; other sources name it\n", dossier.id),
    };
    for (title, section) in [
        ("history", history(dossier)),
        ("operations", operations(dossier)),
        ("ledger", ledger(dossier)),
        ("events", events(dossier)),
        ("records that are not as they should be", strays(dossier)),
        ("payment gateway's record of anything else", other_record(dossier)),
        ("dead letters", letters(dossier)),
    ] {
        if let Some(section) = section {
            page.push_str(&format!("\n{title}\n{section}"));
        }
    }
    page
}

fn head(id: u64, payment: &PaymentRow) -> String {
    let PaymentRow { merchant_id, amount, currency, status, version, captured, refunded, .. } = payment;
    format!(
        "payment {id} of {merchant_id}: {status} at version {version}\n\
         {amount} {currency} authorized, {captured} captured, {refunded} refunded (minor units)\n"
    )
}

/// Rows as an indented table; nothing when there are none.
fn section<const N: usize>(columns: [&str; N], rows: &[[String; N]]) -> Option<String> {
    let indented = |line: &str| format!("  {line}\n");
    (!rows.is_empty()).then(|| table(columns, rows).lines().map(indented).collect())
}

fn history(dossier: &Dossier) -> Option<String> {
    let mut before: Option<&str> = None;
    let rows: Vec<[String; 5]> = dossier
        .transitions
        .iter()
        .map(|step| {
            // Where it came from is the line above; if not, it is said.
            let change = match step.from.as_deref() {
                Some(from) if from == step.to => step.to.clone(),
                from if from == before => format!("→ {}", step.to),
                Some(from) => format!("{from} → {}", step.to),
                None => format!("nothing → {}", step.to),
            };
            before = Some(&step.to);
            let reason = step.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
            let about = format!("{}.{}", step.operation_no, step.attempt);
            [step.version.to_string(), time(step.at), change, about, format!("{}{reason}", step.cause)]
        })
        .collect();
    section(["version", "at", "state", "op", "cause"], &rows)
}

fn operations(dossier: &Dossier) -> Option<String> {
    let operations = dossier.payment.as_ref().map_or(&[][..], PaymentRow::operations);
    let rows: Vec<[String; 6]> = operations
        .iter()
        .map(|operation| {
            [
                operation.no.to_string(),
                operation.kind.clone(),
                operation.amount.to_string(),
                progress(operation),
                pg_outcome(operation),
                recorded(dossier, operation),
            ]
        })
        .collect();
    section(["no", "operation", "amount", "progress", "pg outcome", "pg's record by attempt"], &rows)
}

fn pg_outcome(operation: &OperationRow) -> String {
    match &operation.response_code {
        // An approval keeps the code of the last negative before it.
        Some(code) if operation.outcome != "approved" => format!("{}: {code}", operation.outcome),
        Some(_) | None => operation.outcome.clone(),
    }
}

/// What the gateway recorded for an operation, attempts with the same result together: `1–9 failed, 10 approved`.
fn recorded(dossier: &Dossier, operation: &OperationRow) -> String {
    let Some(record) = &dossier.pg else { return "not seen from here".to_owned() };
    let mut runs: Vec<(u32, u32, String)> = Vec::new();
    for entry in record.iter().filter(|entry| answers(entry, operation)) {
        let result = if entry.amount == operation.amount {
            entry.result.clone()
        } else {
            format!("{} for {} {}", entry.result, entry.amount, entry.currency)
        };
        match runs.last_mut() {
            Some((_, last, same)) if *same == result => *last = entry.attempt,
            Some(_) | None => runs.push((entry.attempt, entry.attempt, result)),
        }
    }
    let run = |(first, last, result): &(u32, u32, String)| match first == last {
        true => format!("{first} {result}"),
        false => format!("{first}–{last} {result}"),
    };
    match runs.is_empty() {
        true => "–".to_owned(),
        false => runs.iter().map(run).collect::<Vec<_>>().join(", "),
    }
}

fn answers(entry: &PgEntry, operation: &OperationRow) -> bool {
    entry.operation_no == operation.no && entry.operation == operation.kind
}

fn progress(operation: &OperationRow) -> String {
    match operation.progress {
        Progress::Attempting => "under way".to_owned(),
        Progress::Waiting(until) => format!("next try {}", time(until)),
        Progress::DeadLettered => "dead letter".to_owned(),
        Progress::Approved => "approved".to_owned(),
        Progress::Declined => "declined".to_owned(),
        Progress::GivenUp => "given up".to_owned(),
        Progress::Superseded => "superseded".to_owned(),
    }
}

fn ledger(dossier: &Dossier) -> Option<String> {
    let movements = dossier.entries.chunk_by(|one, other| one.transaction_id == other.transaction_id);
    let rows: Vec<[String; 4]> = movements
        .map(|rows| {
            let id = rows.first().map(|row| row.transaction_id.clone()).unwrap_or_default();
            [
                id,
                side(rows, "debit", |row| row.account.clone()),
                side(rows, "credit", |row| row.account.clone()),
                sum(rows),
            ]
        })
        .collect();
    section(["transaction", "debit", "credit", "amount"], &rows)
}

/// One side of a movement; a row too many or too few shows.
fn side(rows: &[EntryRow], side: &str, what: impl Fn(&EntryRow) -> String) -> String {
    let found: Vec<String> = rows.iter().filter(|row| row.side == side).map(what).collect();
    if found.is_empty() { "missing".to_owned() } else { found.join(" + ") }
}

fn sum(rows: &[EntryRow]) -> String {
    let amount = |row: &EntryRow| format!("{} {}", row.amount, row.currency);
    let (debit, credit) = (side(rows, "debit", amount), side(rows, "credit", amount));
    if debit == credit { debit } else { format!("{debit} against {credit}") }
}

fn events(dossier: &Dossier) -> Option<String> {
    let mut found: Vec<_> = dossier.events.iter().collect();
    found.sort_by_key(|found| (found.event.event_seq, found.offset));
    let published = found.into_iter().map(|found| {
        let place = format!("{}/{}", found.partition, found.offset);
        [found.event.event_seq.to_string(), found.topic.clone(), place, time(found.at)]
    });
    let waiting = dossier.unpublished.iter().filter_map(|row| {
        let place = "–".to_owned();
        Some([row.event_seq?.to_string(), "not published yet".to_owned(), place, time(row.created_at)])
    });
    let rows: Vec<[String; 4]> = published.chain(waiting).collect();
    section(["seq", "topic", "partition/offset", "at"], &rows)
}

/// Records that name the payment and are wrong: there should be none but those that a consumer put aside.
fn strays(dossier: &Dossier) -> Option<String> {
    let rows: Vec<[String; 4]> = dossier
        .strays
        .iter()
        .map(|stray| {
            let place = format!("{}/{}", stray.partition, stray.offset);
            let aside = if stray.put_aside { " (put aside)" } else { "" };
            [stray.topic.clone(), place, time(stray.at), format!("{}{aside}", stray.what)]
        })
        .collect();
    section(["topic", "partition/offset", "at", "what"], &rows)
}

/// What the gateway recorded for this payment and no operation asked for: there should be nothing.
fn other_record(dossier: &Dossier) -> Option<String> {
    let operations = dossier.payment.as_ref().map_or(&[][..], PaymentRow::operations);
    let is_other = |entry: &&PgEntry| !operations.iter().any(|operation| answers(entry, operation));
    let rows: Vec<[String; 5]> = dossier
        .pg
        .iter()
        .flatten()
        .filter(is_other)
        .map(|entry| {
            let amount = format!("{} {}", entry.amount, entry.currency);
            [entry.seq.to_string(), entry.key.clone(), entry.result.clone(), amount, entry.at.clone()]
        })
        .collect();
    section(["seq", "key", "result", "amount", "at"], &rows)
}

fn letters(dossier: &Dossier) -> Option<String> {
    let rows: Vec<[String; 5]> = dossier
        .letters
        .iter()
        .map(|letter| {
            let written = time(letter.created_at);
            [
                letter.id.clone(),
                letter.topic.clone(),
                letter.status.clone(),
                letter.error_type.clone(),
                written,
            ]
        })
        .collect();
    section(["id", "topic", "status", "error", "written"], &rows)
}

/// A moment to the millisecond; the rest only fills the line.
fn time(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..23).map_or_else(|| text.clone(), |short| format!("{short}Z"))
}
