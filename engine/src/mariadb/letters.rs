//! Dead letters and the audit.

use payment_actors::ports::journal_store::AuditEntry;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{OperationNo, PaymentId};
use payment_schema::operation::OperationKind;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use sqlx::mysql::MySqlRow;

use super::columns::{parsed, parsed_if_any, payment_id, signed, timestamp, topic, unsigned, value};
use super::failure::Failure;
use super::session::Session;

/// Writes a letter, unless one of its id is there.
pub(super) async fn insert(session: &mut Session, letter: &DeadLetter) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO dead_letter (letter_id, topic, payment_id, operation_no, operation, error_type, status, body,
            created_at, closed_at, closed_reason)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE letter_id = VALUES(letter_id)";
    let statement = sqlx::query(SQL)
        .bind(letter.id.clone())
        .bind(letter.topic.as_str())
        .bind(letter.payment_id.map(PaymentId::as_i64))
        .bind(letter.operation.map(|(no, _)| no.0))
        .bind(letter.operation.map(|(_, kind)| kind.as_str()))
        .bind(letter.error_type.clone())
        .bind(letter.status.as_str())
        .bind(letter.body.to_string())
        .bind(letter.created_at.as_micros())
        .bind(letter.closed_at.map(Timestamp::as_micros))
        .bind(letter.closed_reason.clone());
    session.run(statement).await.map(|_| ())
}

/// Closes a letter that is open; says whether it was.
pub(super) async fn close(
    session: &mut Session,
    id: &str,
    status: LetterStatus,
    reason: &str,
    at: Timestamp,
) -> Result<bool, Failure> {
    const SQL: &str = "
        UPDATE dead_letter SET status = ?, closed_reason = ?, closed_at = ?
        WHERE letter_id = ? AND status = 'open'";
    let statement = sqlx::query(SQL)
        .bind(status.as_str())
        .bind(reason.to_owned())
        .bind(at.as_micros())
        .bind(id.to_owned());
    Ok(session.run(statement).await?.rows_affected() == 1)
}

macro_rules! letter_columns {
    () => {
        "SELECT position, letter_id, topic, payment_id, operation_no, operation, error_type, status, body,
            created_at, closed_at, closed_reason FROM dead_letter "
    };
}

/// One letter.
pub(super) async fn find(session: &mut Session, id: &str) -> Result<Option<DeadLetter>, Failure> {
    const SQL: &str = concat!(letter_columns!(), "WHERE letter_id = ?");
    let row = session.row(sqlx::query(SQL).bind(id.to_owned())).await?;
    row.as_ref().map(read).transpose()
}

/// Whether there is such a letter, once nobody is in the middle of writing it.
pub(super) async fn is_settled(session: &mut Session, id: &str) -> Result<bool, Failure> {
    const SQL: &str = "SELECT position FROM dead_letter WHERE letter_id = ? LOCK IN SHARE MODE";
    Ok(session.row(sqlx::query(SQL).bind(id.to_owned())).await?.is_some())
}

/// Letters of a topic, newest first, below a position.
pub(super) async fn page(
    session: &mut Session,
    topic: Topic,
    status: Option<LetterStatus>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<(u64, DeadLetter)>, Failure> {
    const ALL: &str = concat!(
        letter_columns!(),
        "FORCE INDEX (dead_letter_by_topic) WHERE topic = ? AND position < ? ORDER BY position DESC LIMIT ?"
    );
    const OF_STATUS: &str = concat!(
        letter_columns!(),
        "FORCE INDEX (dead_letter_by_topic_status) WHERE topic = ? AND status = ? AND position < ?
         ORDER BY position DESC LIMIT ?"
    );
    let statement = match status {
        Some(status) => sqlx::query(OF_STATUS).bind(topic.as_str()).bind(status.as_str()),
        None => sqlx::query(ALL).bind(topic.as_str()),
    };
    let rows = session.rows(statement.bind(before.map_or(i64::MAX, signed)).bind(limit)).await?;
    rows.iter().map(|row| Ok((unsigned(row, "position")?, read(row)?))).collect()
}

/// How many letters are open, for each topic that has any.
pub(super) async fn open_counts(session: &mut Session) -> Result<Vec<(Topic, u64)>, Failure> {
    const SQL: &str = "
        SELECT COUNT(*) AS letters FROM dead_letter FORCE INDEX (dead_letter_by_topic_status)
        WHERE topic = ? AND status = 'open'";
    let mut counts = Vec::new();
    for topic in Topic::ALL.into_iter().filter(|topic| topic.is_dead_letter()) {
        if let Some(row) = session.row(sqlx::query(SQL).bind(topic.as_str())).await? {
            counts.push((topic, unsigned(&row, "letters")?));
        }
    }
    Ok(counts)
}

fn read(row: &MySqlRow) -> Result<DeadLetter, Failure> {
    let payment: Option<i64> = value(row, "payment_id")?;
    let operation_no: Option<u32> = value(row, "operation_no")?;
    let operation = parsed_if_any(row, "operation", OperationKind::parse)?;
    let body: &str = value(row, "body")?;
    let closed_at: Option<i64> = value(row, "closed_at")?;
    Ok(DeadLetter {
        id: value(row, "letter_id")?,
        topic: topic(row)?,
        payment_id: payment.map(|_| payment_id(row)).transpose()?,
        operation: operation_no.map(OperationNo).zip(operation),
        error_type: value(row, "error_type")?,
        status: parsed(row, "status", LetterStatus::parse)?,
        body: serde_json::from_str(body).map_err(|error| Failure::unreadable("dead_letter.body", error))?,
        created_at: timestamp(row, "created_at")?,
        closed_at: closed_at.map(Timestamp::from_micros),
        closed_reason: value(row, "closed_reason")?,
    })
}

/// Keeps an operator's act; an act of the same id is kept once.
pub(super) async fn insert_audit(session: &mut Session, entry: &AuditEntry) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO audit (audit_id, who, what, target, reason, at, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE audit_id = VALUES(audit_id)";
    let AuditEntry { id, who, what, target, reason, at, outcome } = entry.clone();
    let statement = sqlx::query(SQL)
        .bind(id)
        .bind(who)
        .bind(what)
        .bind(target)
        .bind(reason)
        .bind(at.as_micros())
        .bind(outcome);
    session.run(statement).await.map(|_| ())
}

/// Operators' acts, newest first, below a position.
pub(super) async fn audit_page(
    session: &mut Session,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<(u64, AuditEntry)>, Failure> {
    const SQL: &str = "
        SELECT position, audit_id, who, what, target, reason, at, outcome FROM audit
        WHERE position < ? ORDER BY position DESC LIMIT ?";
    let statement = sqlx::query(SQL).bind(before.map_or(i64::MAX, signed)).bind(limit);
    session.rows(statement).await?.iter().map(read_act).collect()
}

fn read_act(row: &MySqlRow) -> Result<(u64, AuditEntry), Failure> {
    let entry = AuditEntry {
        id: value(row, "audit_id")?,
        who: value(row, "who")?,
        what: value(row, "what")?,
        target: value(row, "target")?,
        reason: value(row, "reason")?,
        at: timestamp(row, "at")?,
        outcome: value(row, "outcome")?,
    };
    Ok((unsigned(row, "position")?, entry))
}
