//! Dead letters and the audit.

use payment_actors::ports::journal_store::AuditEntry;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{OperationNo, PaymentId};
use payment_schema::operation::OperationKind;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use rusqlite::{Connection, Row, params};

use super::columns::{parsed, payment_id, signed, small, timestamp, topic, unsigned};
use super::failure::Failure;

/// Writes a letter, unless one of its id is there.
pub(super) fn insert(connection: &Connection, letter: &DeadLetter) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO dead_letter (letter_id, topic, payment_id, operation_no, operation, error_type, status, body,
            created_at, closed_at, closed_reason)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT (letter_id) DO NOTHING";
    connection.prepare_cached(SQL)?.execute(params![
        letter.id,
        letter.topic.as_str(),
        letter.payment_id.map(PaymentId::as_i64),
        letter.operation.map(|(no, _)| no.0),
        letter.operation.map(|(_, kind)| kind.as_str()),
        letter.error_type,
        letter.status.as_str(),
        letter.body.to_string(),
        letter.created_at.as_micros(),
        letter.closed_at.map(Timestamp::as_micros),
        letter.closed_reason,
    ])?;
    Ok(())
}

/// Closes a letter that is open; says whether it was.
pub(super) fn close(
    connection: &Connection,
    id: &str,
    status: LetterStatus,
    reason: &str,
    at: Timestamp,
) -> Result<bool, Failure> {
    const SQL: &str = "
        UPDATE dead_letter SET status = ?2, closed_reason = ?3, closed_at = ?4
        WHERE letter_id = ?1 AND status = 'open'";
    let changed =
        connection.prepare_cached(SQL)?.execute(params![id, status.as_str(), reason, at.as_micros()])?;
    Ok(changed == 1)
}

/// One letter.
pub(super) fn find(connection: &Connection, id: &str) -> Result<Option<DeadLetter>, Failure> {
    let mut statement = connection.prepare_cached("SELECT * FROM dead_letter WHERE letter_id = ?1")?;
    let mut rows = statement.query([id])?;
    rows.next()?.map(read).transpose()
}

/// Letters of a topic, newest first, below a position.
pub(super) fn page(
    connection: &Connection,
    topic: Topic,
    status: Option<LetterStatus>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<(u64, DeadLetter)>, Failure> {
    let sql = match status {
        Some(_) => {
            "SELECT * FROM dead_letter WHERE topic = ?1 AND status = ?4 AND position < ?2
             ORDER BY position DESC LIMIT ?3"
        }
        None => {
            "SELECT * FROM dead_letter WHERE topic = ?1 AND position < ?2 AND ?4 IS NULL
             ORDER BY position DESC LIMIT ?3"
        }
    };
    let mut statement = connection.prepare_cached(sql)?;
    let below = before.map_or(i64::MAX, signed);
    let mut rows =
        statement.query(params![topic.as_str(), below, limit, status.map(LetterStatus::as_str)])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push((unsigned("position", row.get("position")?)?, read(row)?));
    }
    Ok(page)
}

/// How many letters are open, for each topic that has any.
pub(super) fn open_counts(connection: &Connection) -> Result<Vec<(Topic, u64)>, Failure> {
    let mut counts = Vec::new();
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM dead_letter WHERE topic = ?1 AND status = 'open'")?;
    for topic in Topic::ALL.into_iter().filter(|topic| topic.is_dead_letter()) {
        let count = statement.query_row([topic.as_str()], |row| row.get(0))?;
        counts.push((topic, unsigned("count", count)?));
    }
    Ok(counts)
}

fn read(row: &Row<'_>) -> Result<DeadLetter, Failure> {
    let payment: Option<i64> = row.get("payment_id")?;
    let operation: Option<i64> = row.get("operation_no")?;
    let body: String = row.get("body")?;
    Ok(DeadLetter {
        id: row.get("letter_id")?,
        topic: topic(row)?,
        payment_id: payment.map(|_| payment_id(row, "payment_id")).transpose()?,
        operation: operation.map(|no| read_operation(row, no)).transpose()?,
        error_type: row.get("error_type")?,
        status: parsed(row, "status", LetterStatus::parse)?,
        body: serde_json::from_str(&body).map_err(|error| Failure::unreadable("dead_letter.body", error))?,
        created_at: timestamp(row, "created_at")?,
        closed_at: row.get::<_, Option<i64>>("closed_at")?.map(Timestamp::from_micros),
        closed_reason: row.get("closed_reason")?,
    })
}

fn read_operation(row: &Row<'_>, no: i64) -> Result<(OperationNo, OperationKind), Failure> {
    Ok((OperationNo(small("operation_no", no)?), parsed(row, "operation", OperationKind::parse)?))
}

/// Keeps an operator's act; an act of the same id is kept once.
pub(super) fn insert_audit(connection: &Connection, entry: &AuditEntry) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO audit (audit_id, who, what, target, reason, at, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (audit_id) DO NOTHING";
    connection.prepare_cached(SQL)?.execute(params![
        entry.id,
        entry.who,
        entry.what,
        entry.target,
        entry.reason,
        entry.at.as_micros(),
        entry.outcome,
    ])?;
    Ok(())
}

/// Operators' acts, newest first, below a position.
pub(super) fn audit_page(
    connection: &Connection,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<(u64, AuditEntry)>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM audit WHERE position < ?1 ORDER BY position DESC LIMIT ?2")?;
    let mut rows = statement.query(params![before.map_or(i64::MAX, signed), limit])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = AuditEntry {
            id: row.get("audit_id")?,
            who: row.get("who")?,
            what: row.get("what")?,
            target: row.get("target")?,
            reason: row.get("reason")?,
            at: timestamp(row, "at")?,
            outcome: row.get("outcome")?,
        };
        page.push((unsigned("position", row.get("position")?)?, entry));
    }
    Ok(page)
}
