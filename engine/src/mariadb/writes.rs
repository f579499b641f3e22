//! The rows of a batch.
//!
//! Owns every write to payments, transitions and the outbox. Runs inside a transaction that it neither begins nor
//! ends; payments are locked and known to be at the expected version. Rows go in the order of their keys, so that
//! transactions of different processes wait for each other instead of getting entangled.

use payment_actors::ports::journal_store::{Append, OutboxRecord};
use payment_schema::dead_letter::LetterChange;
use payment_schema::operation::Progress;
use payment_schema::payment::Payment;
use payment_schema::transition::Transition;

use super::append::Entry;
use super::columns::signed;
use super::failure::Failure;
use super::session::Session;
use super::statements::{List, MOST, Repeated, Statement};
use super::{keys, letters, requests};

/// Writes everything of these appends.
pub(super) async fn write(session: &mut Session, entries: &[&Entry<'_>]) -> Result<(), Failure> {
    write_payments(session, entries).await?;
    let steps: Vec<(&Append, &Transition)> = entries
        .iter()
        .flat_map(|entry| entry.append.transitions.iter().map(|transition| (entry.append, transition)))
        .collect();
    INSERT_TRANSITION.run(session, &steps, bind_transition).await?;
    keys::take(session, entries).await?;
    keys::answer(session, entries).await?;
    requests::write(session, entries).await?;
    let records: Vec<&OutboxRecord> = entries.iter().flat_map(|entry| &entry.append.outbox).collect();
    write_outbox(session, &records).await?;
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

macro_rules! insert_payment {
    () => {
        "INSERT INTO payment (payment_id, merchant_id, amount, currency, status, version, captured_amount,
            refunded_amount, last_event_seq, open_operations, open_touched_at, authorization_progress, due_at,
            due_kind, created_at, updated_at, document) VALUES "
    };
}

const PAYMENT: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// A payment that is there already makes it fail.
static INSERT_PAYMENT: Repeated = Repeated::new(&[List::new(insert_payment!(), PAYMENT, ", ")], "", MOST);

/// Only for payments that are there and locked. Merchant, amount, currency and birth never change.
static MOVE_PAYMENT: Repeated = Repeated::new(
    &[List::new(insert_payment!(), PAYMENT, ", ")],
    " ON DUPLICATE KEY UPDATE status = VALUES(status), version = VALUES(version),
        captured_amount = VALUES(captured_amount), refunded_amount = VALUES(refunded_amount),
        last_event_seq = VALUES(last_event_seq), open_operations = VALUES(open_operations),
        open_touched_at = VALUES(open_touched_at), authorization_progress = VALUES(authorization_progress),
        due_at = VALUES(due_at), due_kind = VALUES(due_kind), updated_at = VALUES(updated_at),
        document = VALUES(document)",
    MOST,
);

async fn write_payments(session: &mut Session, entries: &[&Entry<'_>]) -> Result<(), Failure> {
    let mut sorted = entries.to_vec();
    sorted.sort_unstable_by_key(|entry| entry.append.payment.id);
    let (new, moved): (Vec<_>, Vec<_>) = sorted.into_iter().partition(|entry| entry.is_new());
    INSERT_PAYMENT.run(session, &new, |statement, entry| bind_payment(statement, entry)).await?;
    MOVE_PAYMENT.run(session, &moved, |statement, entry| bind_payment(statement, entry)).await?;
    Ok(())
}

fn bind_payment(statement: Statement, entry: &Entry<'_>) -> Statement {
    let (payment, due) = (&*entry.append.payment, entry.append.due);
    let open = payment.open_operations().count();
    statement
        .bind(payment.id.as_i64())
        .bind(payment.merchant_id.as_str().to_owned())
        .bind(payment.amount.as_i64())
        .bind(payment.currency.code())
        .bind(payment.status.as_str())
        .bind(signed(payment.version.0))
        .bind(payment.captured.as_i64())
        .bind(payment.refunded.as_i64())
        .bind(signed(payment.last_event_seq))
        .bind(signed(open as u64))
        .bind((open > 0).then(|| payment.updated_at.as_micros()))
        .bind(authorization_progress(payment))
        .bind(due.map(|due| due.at.as_micros()))
        .bind(due.map(|due| due.kind.as_str()))
        .bind(payment.created_at.as_micros())
        .bind(payment.updated_at.as_micros())
        .bind(entry.document.clone())
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

/// The fence: of two writers that saw the same version, one fails here at the latest.
static INSERT_TRANSITION: Repeated = Repeated::new(
    &[List::new(
        "INSERT INTO payment_transition (payment_id, version, from_status, to_status, cause, reason, operation_no,
            attempt, trace_id, token, at) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
    )],
    "",
    MOST,
);

fn bind_transition(statement: Statement, (append, transition): &(&Append, &Transition)) -> Statement {
    statement
        .bind(append.payment.id.as_i64())
        .bind(signed(transition.version.0))
        .bind(transition.from.map(payment_schema::status::Status::as_str))
        .bind(transition.to.as_str())
        .bind(transition.cause.kind.as_str())
        .bind(transition.cause.reason.as_deref().map(str::to_owned))
        .bind(transition.operation_no.0)
        .bind(transition.attempt.0)
        .bind(transition.trace_id.to_string())
        .bind(append.token.cast_signed())
        .bind(transition.at.as_micros())
}

/// A letter without a step is not fenced, so it can be written twice; its id says that it is the same one.
static INSERT_RECORD: Repeated = Repeated::new(
    &[List::new(
        "INSERT INTO outbox_event (event_id, payment_id, event_seq, topic, payload, trace_id, created_at) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?)",
        ", ",
    )],
    " ON DUPLICATE KEY UPDATE event_id = VALUES(event_id)",
    MOST,
);

async fn write_outbox(session: &mut Session, records: &[&OutboxRecord]) -> Result<(), Failure> {
    let payload = |record: &&OutboxRecord| match std::str::from_utf8(&record.payload) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Failure::unreadable("payload", error)),
    };
    let payloads = records.iter().map(payload).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<(&OutboxRecord, String)> = records.iter().copied().zip(payloads).collect();
    INSERT_RECORD.run(session, &rows, bind_record).await.map(|_| ())
}

fn bind_record(statement: Statement, (record, payload): &(&OutboxRecord, String)) -> Statement {
    statement
        .bind(record.event_id.to_string())
        .bind(record.payment_id.as_i64())
        .bind(record.event_seq.map(signed))
        .bind(record.topic.as_str())
        .bind(payload.clone())
        .bind(record.trace_id.to_string())
        .bind(record.at.as_micros())
}
