//! The rows of a batch.
//!
//! Owns every write to payments, transitions and the outbox, as one script inside a transaction that it neither
//! begins nor ends. Transitions come first: their primary key is the fence, and nothing else is written where it
//! refuses. Rows go in the order of their keys, so that transactions of different processes wait for each other
//! instead of getting entangled.

use payment_actors::ports::journal_store::{Append, OutboxRecord};
use payment_schema::dead_letter::LetterChange;
use payment_schema::operation::Progress;
use payment_schema::payment::Payment;
use payment_schema::transition::Transition;
use sqlx::mysql::MySqlRow;

use super::append::Entry;
use super::columns::{signed, value};
use super::failure::Failure;
use super::script::Script;
use super::session::Session;
use super::{keys, letters, requests};

/// Everything of these appends but letters and acts of operators, which are few.
pub(super) fn script(script: &mut Script, entries: &[&Entry<'_>]) {
    let mut sorted = entries.to_vec();
    sorted.sort_unstable_by_key(|entry| entry.append.payment.id);
    write_transitions(script, &sorted);
    write_payments(script, &sorted);
    keys::take(script, entries);
    keys::answer(script, &sorted);
    requests::write(script, entries);
    write_outbox(script, &sorted);
}

/// Letters and acts of operators.
pub(super) async fn write_letters(session: &mut Session, entries: &[&Entry<'_>]) -> Result<(), Failure> {
    for change in entries.iter().flat_map(|entry| &entry.append.letters) {
        match change {
            LetterChange::Open(letter) => letters::insert(session, letter).await?,
            LetterChange::Close { id, status, reason, at } => {
                letters::close(session, id, *status, reason, *at).await?;
            }
        }
    }
    for act in entries.iter().filter_map(|entry| entry.append.audit.as_ref()) {
        letters::insert_audit(session, act).await?;
    }
    Ok(())
}

const INSERT_TRANSITION: &str = "INSERT INTO payment_transition (payment_id, version, from_status, to_status, cause, \
    reason, operation_no, attempt, trace_id, token, at) VALUES ";

fn write_transitions(script: &mut Script, sorted: &[&Entry<'_>]) {
    let steps = sorted
        .iter()
        .flat_map(|entry| entry.append.transitions.iter().map(|transition| (entry.append, transition)));
    script.insert(INSERT_TRANSITION, steps, "", transition);
}

fn transition(script: &mut Script, (append, transition): (&Append, &Transition)) {
    script
        .number(append.payment.id.as_i64())
        .number(signed(transition.version.0))
        .text_if_any(transition.from.map(payment_schema::status::Status::as_str))
        .text(transition.to.as_str())
        .text(transition.cause.kind.as_str())
        .text_if_any(transition.cause.reason.as_deref())
        .number(transition.operation_no.0)
        .number(transition.attempt.0)
        .shown(&transition.trace_id)
        .number(append.token.cast_signed())
        .number(transition.at.as_micros());
}

const INSERT_PAYMENT: &str = "INSERT INTO payment (payment_id, merchant_id, amount, currency, status, version, \
    captured_amount, refunded_amount, last_event_seq, open_operations, open_touched_at, authorization_progress, \
    due_at, due_kind, created_at, updated_at, document) VALUES ";

/// Only for payments that are there, which [`all_were_there`] tells afterwards. Merchant, amount, currency and birth
/// never change.
const MOVE_PAYMENT: &str = " ON DUPLICATE KEY UPDATE status = VALUES(status), version = VALUES(version), \
    captured_amount = VALUES(captured_amount), refunded_amount = VALUES(refunded_amount), \
    last_event_seq = VALUES(last_event_seq), open_operations = VALUES(open_operations), \
    open_touched_at = VALUES(open_touched_at), authorization_progress = VALUES(authorization_progress), \
    due_at = VALUES(due_at), due_kind = VALUES(due_kind), updated_at = VALUES(updated_at), \
    document = VALUES(document)";

fn write_payments(script: &mut Script, sorted: &[&Entry<'_>]) {
    let new = sorted.iter().filter(|entry| entry.is_new());
    script.insert(INSERT_PAYMENT, new, "", payment);
    let moved: Vec<_> = sorted.iter().filter(|entry| !entry.is_new()).collect();
    if !moved.is_empty() {
        script.insert(INSERT_PAYMENT, moved, MOVE_PAYMENT, payment);
        script.push("SELECT ROW_COUNT() AS changed; ");
    }
}

/// Whether every change met its payment: a row that was there counts twice, one that was not would count once. Without
/// changes of payments that exist the script reads nothing.
pub(super) fn all_were_there(entries: &[&Entry<'_>], read: &[MySqlRow]) -> Result<bool, Failure> {
    let moved = entries.iter().filter(|entry| !entry.is_new()).count();
    let changed: i64 = read.first().map_or(Ok(0), |row| value(row, "changed"))?;
    Ok(usize::try_from(changed).is_ok_and(|changed| changed == 2 * moved))
}

fn payment(script: &mut Script, entry: &&Entry<'_>) {
    let (payment, due) = (&*entry.append.payment, entry.append.due);
    let open = payment.open_operations().count();
    script
        .number(payment.id.as_i64())
        .text(payment.merchant_id.as_str())
        .number(payment.amount.as_i64())
        .text(payment.currency.code())
        .text(payment.status.as_str())
        .number(signed(payment.version.0))
        .number(payment.captured.as_i64())
        .number(payment.refunded.as_i64())
        .number(signed(payment.last_event_seq))
        .number(signed(open as u64))
        .number_if_any((open > 0).then(|| payment.updated_at.as_micros()))
        .text(authorization_progress(payment))
        .number_if_any(due.map(|due| due.at.as_micros()))
        .text_if_any(due.map(|due| due.kind.as_str()))
        .number(payment.created_at.as_micros())
        .number(payment.updated_at.as_micros())
        .text(&entry.document);
}

/// What the totals of authorizations count by.
fn authorization_progress(payment: &Payment) -> &'static str {
    let authorization = payment.operations.first().expect("a payment is created with its authorization");
    match authorization.progress {
        Progress::DeadLettered => "dead-lettered",
        progress @ (Progress::Attempting
        | Progress::Waiting(_)
        | Progress::Approved
        | Progress::Declined
        | Progress::GivenUp
        | Progress::Superseded) => progress.as_str(),
    }
}

const INSERT_RECORD: &str = "INSERT INTO outbox_event (event_id, payment_id, event_seq, place, topic, payload, \
    trace_id, created_at) VALUES ";

/// A letter without a step is not fenced, so it can be written twice; its place, made of its id, says that it is the
/// same one.
const SAME_RECORD: &str = " ON DUPLICATE KEY UPDATE event_id = VALUES(event_id)";

fn write_outbox(script: &mut Script, sorted: &[&Entry<'_>]) {
    let records = sorted.iter().flat_map(|entry| &entry.append.outbox);
    script.insert(INSERT_RECORD, records, SAME_RECORD, |script, record: &OutboxRecord| {
        script
            .shown(&record.event_id)
            .number(record.payment_id.as_i64())
            .number_if_any(record.event_seq.map(signed))
            .number(record.key().place())
            .text(record.topic.as_str())
            .text_or_bytes(&record.payload)
            .shown(&record.trace_id)
            .number(record.at.as_micros());
    });
}
