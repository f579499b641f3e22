//! The rows of an append.
//!
//! Owns every write to payments, transitions, keys, requests and the outbox. Runs on the writer thread, inside
//! a transaction it neither begins nor ends. Being the only writer, it may look before it writes: what it sees
//! stays true until the commit.

use payment_actors::ports::journal_store::{Append, AppendOutcome, KeyClaim, KeyRecord, OutboxRecord};
use payment_schema::dead_letter::LetterChange;
use payment_schema::fingerprint::ClaimDigest;
use payment_schema::ids::Version;
use payment_schema::operation::{Operation, OperationKind, Progress};
use payment_schema::payment::Payment;
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;
use payment_schema::transition::Transition;
use rusqlite::{Connection, params};

use super::columns::{signed, text_or_blob};
use super::failure::Failure;
use super::{keys, letters};

/// An append with what can be made of it before the writer thread has it.
pub(super) struct Prepared {
    append: Append,
    document: String,
}

impl Prepared {
    /// Copies what the writer thread needs and renders the payment, which is the costly part.
    pub(super) fn of(append: &Append) -> Self {
        let document =
            serde_json::to_string(&*append.payment).expect("a payment holds nothing that JSON cannot");
        Self { append: append.clone(), document }
    }
}

/// Writes a batch; a conflicting append leaves nothing behind, its neighbours stay.
pub(super) fn write_all(connection: &Connection, batch: &[Prepared]) -> Result<Vec<AppendOutcome>, Failure> {
    batch.iter().map(|prepared| write(connection, prepared)).collect()
}

/// Both checks come before the first change, so that dropping out needs no undoing.
fn write(connection: &Connection, prepared: &Prepared) -> Result<AppendOutcome, Failure> {
    let append = &prepared.append;
    if let Some(owner) = foreign_owner(connection, append)? {
        return Ok(AppendOutcome::KeyTaken(owner));
    }
    if !write_payment(connection, prepared)? {
        return Ok(AppendOutcome::VersionConflict);
    }
    let payment = &*append.payment;
    for transition in &append.transitions {
        write_transition(connection, payment, transition, append.token)?;
    }
    if let Some(claim) = &append.key {
        take_key(connection, payment, claim, append.token)?;
    }
    for (key, answer) in &append.answers {
        store_answer(connection, payment, key, answer)?;
    }
    for record in &append.outbox {
        write_outbox(connection, record)?;
    }
    for operation in &append.requests {
        write_request(connection, payment, operation)?;
    }
    for change in &append.letters {
        match change {
            LetterChange::Open(letter) => letters::insert(connection, letter)?,
            LetterChange::Close { id, status, reason, at } => {
                letters::close(connection, id, *status, reason, *at)?;
            }
        }
    }
    if let Some(entry) = &append.audit {
        letters::insert_audit(connection, entry)?;
    }
    Ok(AppendOutcome::Committed)
}

/// Whoever holds the append's key already; nobody when it is free, or this very append's from before.
fn foreign_owner(connection: &Connection, append: &Append) -> Result<Option<KeyRecord>, Failure> {
    let Some(claim) = &append.key else {
        return Ok(None);
    };
    let taken = keys::find(connection, &append.payment.merchant_id, &claim.key)?;
    Ok(taken.filter(|taken| !taken.is_of(append.payment.id, append.token)).map(|taken| taken.record))
}

/// Writes the payment's row if the payment is at the expected version; says whether it was.
fn write_payment(connection: &Connection, prepared: &Prepared) -> Result<bool, Failure> {
    let Prepared { append, document } = prepared;
    let payment = &*append.payment;
    let sql = if append.expected == Version::NONE { INSERT_PAYMENT } else { UPDATE_PAYMENT };
    let changed = connection.prepare_cached(sql)?.execute(params![
        payment.id.as_i64(),
        payment.merchant_id.as_str(),
        payment.amount.as_i64(),
        payment.currency.code(),
        payment.status.as_str(),
        signed(payment.version.0),
        payment.captured.as_i64(),
        payment.refunded.as_i64(),
        signed(payment.last_event_seq),
        signed(payment.open_operations().count() as u64),
        append.due.map(|due| due.at.as_micros()),
        append.due.map(|due| due.kind.as_str()),
        payment.created_at.as_micros(),
        payment.updated_at.as_micros(),
        document,
        signed(append.expected.0),
    ])?;
    Ok(changed == 1)
}

/// Parameter 16 is the expected version, which a new payment does not have.
const INSERT_PAYMENT: &str = "
    INSERT INTO payment (payment_id, merchant_id, amount, currency, status, version, captured_amount,
        refunded_amount, last_event_seq, open_operations, due_at, due_kind, created_at, updated_at, document)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15 WHERE ?16 = 0
    ON CONFLICT (payment_id) DO NOTHING";

/// Parameters 2 to 4 and 13 never change.
const UPDATE_PAYMENT: &str = "
    UPDATE payment SET status = ?5, version = ?6, captured_amount = ?7, refunded_amount = ?8,
        last_event_seq = ?9, open_operations = ?10, due_at = ?11, due_kind = ?12, updated_at = ?14, document = ?15
    WHERE payment_id = ?1 AND version = ?16";

fn write_transition(
    connection: &Connection,
    payment: &Payment,
    transition: &Transition,
    token: u64,
) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO payment_transition (payment_id, version, from_status, to_status, cause, reason, operation_no,
            attempt, trace_id, token, at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    connection.prepare_cached(SQL)?.execute(params![
        payment.id.as_i64(),
        signed(transition.version.0),
        transition.from.map(payment_schema::status::Status::as_str),
        transition.to.as_str(),
        transition.cause.kind.as_str(),
        transition.cause.reason,
        transition.operation_no.0,
        transition.attempt.0,
        transition.trace_id.to_string(),
        token.cast_signed(),
        transition.at.as_micros(),
    ])?;
    Ok(())
}

fn take_key(connection: &Connection, payment: &Payment, claim: &KeyClaim, token: u64) -> Result<(), Failure> {
    // The key is free, or was taken by this very append.
    const SQL: &str = "
        INSERT INTO idem_response_cache
            (key_digest, merchant_id, idem_key, fingerprint, payment_id, operation, token)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (key_digest) DO NOTHING";
    connection.prepare_cached(SQL)?.execute(params![
        ClaimDigest::of(&payment.merchant_id, &claim.key).0,
        payment.merchant_id.as_str(),
        claim.key.as_str(),
        claim.fingerprint.0,
        payment.id.as_i64(),
        claim.operation,
        token.cast_signed(),
    ])?;
    Ok(())
}

fn store_answer(
    connection: &Connection,
    payment: &Payment,
    key: &IdempotencyKey,
    answer: &Answer,
) -> Result<(), Failure> {
    // The first answer counts.
    const SQL: &str = "
        INSERT INTO idem_answer (payment_id, key_digest, status_code, body) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (payment_id, key_digest) DO NOTHING";
    connection.prepare_cached(SQL)?.execute(params![
        payment.id.as_i64(),
        ClaimDigest::of(&payment.merchant_id, key).0,
        answer.status,
        answer.body,
    ])?;
    Ok(())
}

fn write_outbox(connection: &Connection, record: &OutboxRecord) -> Result<(), Failure> {
    // A letter without a step is not fenced, so it can be written twice; its place, made of its id, says that
    // it is the same one.
    const SQL: &str = "
        INSERT INTO outbox_event (event_id, payment_id, event_seq, place, topic, payload, trace_id, created_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (payment_id, place) DO NOTHING";
    connection.prepare_cached(SQL)?.execute(params![
        record.event_id.to_string(),
        record.payment_id.as_i64(),
        record.event_seq.map(signed),
        record.key().place(),
        record.topic.as_str(),
        text_or_blob(&record.payload),
        record.trace_id.to_string(),
        record.at.as_micros(),
    ])?;
    Ok(())
}

/// The two request tables have the same columns.
macro_rules! upsert_request {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (payment_id, operation_no, operation, amount, status, attempt, retry_count, pg_outcome,
                dead_lettered, reason, transaction_id, response_code, response_message, next_attempt_at,
                attempted_at, requested_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
            ON CONFLICT (payment_id, operation_no) DO UPDATE SET
                status = excluded.status, attempt = excluded.attempt, retry_count = excluded.retry_count,
                pg_outcome = excluded.pg_outcome, dead_lettered = excluded.dead_lettered,
                reason = excluded.reason, transaction_id = excluded.transaction_id,
                response_code = excluded.response_code, response_message = excluded.response_message,
                next_attempt_at = excluded.next_attempt_at, attempted_at = excluded.attempted_at,
                updated_at = excluded.updated_at"
        )
    };
}

fn write_request(connection: &Connection, payment: &Payment, operation: &Operation) -> Result<(), Failure> {
    let sql = match operation.kind {
        // An authorization is its payment's own row.
        OperationKind::Authorize => return Ok(()),
        OperationKind::Capture => upsert_request!("settlement_request"),
        OperationKind::Refund | OperationKind::Void => upsert_request!("refund_request"),
    };
    connection.prepare_cached(sql)?.execute(params![
        payment.id.as_i64(),
        operation.no.0,
        operation.kind.as_str(),
        operation.amount.as_i64(),
        operation.progress.as_str(),
        operation.attempt.0,
        operation.negatives,
        operation.outcome.as_str(),
        operation.progress == Progress::DeadLettered,
        operation.reason.as_ref().map(payment_schema::text::Reason::as_str),
        operation.transaction_id,
        operation.response_code,
        operation.response_message,
        operation.next_attempt_at().map(payment_schema::time::Timestamp::as_micros),
        operation.attempted_at.as_micros(),
        operation.requested_at.as_micros(),
        payment.updated_at.as_micros(),
    ])?;
    Ok(())
}
