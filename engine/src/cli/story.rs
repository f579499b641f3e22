//! The story of one payment on one screen.

use payment_schema::time::Timestamp;

use super::terminal::table;
use crate::check::dossier::{Dossier, OperationRow, PaymentRow, Progress};

/// The page for a terminal.
pub(super) fn page(dossier: &Dossier) -> String {
    let mut page = match &dossier.payment {
        Some(payment) => head(dossier.id, payment),
        None => format!("payment {} is not in the store; the payment gateway knows it\n", dossier.id),
    };
    for (title, section) in [
        ("history", history(dossier)),
        ("operations", operations(dossier)),
        ("ledger", ledger(dossier)),
        ("events", events(dossier)),
        ("payment gateway's record", record(dossier)),
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
    let rows: Vec<[String; 5]> = dossier
        .transitions
        .iter()
        .map(|step| {
            let change = match step.from.as_deref() {
                Some(from) if from == step.to => step.to.clone(),
                Some(from) => format!("{from} → {}", step.to),
                None => format!("→ {}", step.to),
            };
            let reason = step.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
            let about = format!("{}.{}", step.operation_no, step.attempt);
            [step.version.to_string(), time(step.at), change, about, format!("{}{reason}", step.cause)]
        })
        .collect();
    section(["version", "at", "state", "operation", "cause"], &rows)
}

fn operations(dossier: &Dossier) -> Option<String> {
    let operations = dossier.payment.as_ref().map_or(&[][..], PaymentRow::operations);
    let rows: Vec<[String; 7]> = operations
        .iter()
        .map(|operation| {
            [
                operation.no.to_string(),
                operation.kind.clone(),
                operation.amount.to_string(),
                operation.attempt.to_string(),
                progress(operation),
                operation.outcome.clone(),
                operation.response_code.clone().unwrap_or_else(|| "–".to_owned()),
            ]
        })
        .collect();
    section(["no", "operation", "amount", "attempt", "progress", "pg outcome", "pg code"], &rows)
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
    let rows: Vec<[String; 5]> = dossier
        .entries
        .iter()
        .map(|entry| {
            let amount = format!("{} {}", entry.amount, entry.currency);
            [
                entry.transaction_id.clone(),
                entry.side.clone(),
                entry.account.clone(),
                amount,
                entry.event_id.clone(),
            ]
        })
        .collect();
    section(["transaction", "side", "account", "amount", "event"], &rows)
}

fn events(dossier: &Dossier) -> Option<String> {
    let mut found: Vec<_> = dossier.events.iter().collect();
    found.sort_by_key(|found| (found.event.event_seq, found.offset));
    let published = found.into_iter().map(|found| {
        let place = format!("{}/{}", found.partition, found.offset);
        [
            found.event.event_seq.to_string(),
            found.topic.clone(),
            place,
            time(found.at),
            found.event.event_id.clone(),
        ]
    });
    let waiting = dossier.unpublished.iter().filter_map(|row| {
        let dash = || "–".to_owned();
        Some([
            row.event_seq?.to_string(),
            "not published yet".to_owned(),
            dash(),
            time(row.created_at),
            dash(),
        ])
    });
    let rows: Vec<[String; 5]> = published.chain(waiting).collect();
    section(["seq", "topic", "partition/offset", "at", "event"], &rows)
}

fn record(dossier: &Dossier) -> Option<String> {
    let Some(record) = &dossier.pg else {
        return Some("  cannot be seen from here\n".to_owned());
    };
    let rows: Vec<[String; 5]> = record
        .iter()
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
