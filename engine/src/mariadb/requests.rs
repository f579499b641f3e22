//! The request rows: captures in one table, refunds and voids in the other.

use payment_schema::operation::{Operation, OperationKind, Progress};
use payment_schema::payment::Payment;
use payment_schema::text::Reason;
use payment_schema::time::Timestamp;

use super::append::Entry;
use super::failure::Failure;
use super::session::Session;
use super::statements::{List, MOST, Repeated, Statement};

/// The two tables have the same columns.
macro_rules! upsert {
    ($table:literal) => {
        Repeated::new(
            &[List::new(
                concat!(
                    "INSERT INTO ",
                    $table,
                    " (payment_id, operation_no, operation, amount, status, attempt, retry_count, pg_outcome,
                        dead_lettered, reason, transaction_id, response_code, response_message, next_attempt_at,
                        attempted_at, requested_at, updated_at) VALUES "
                ),
                "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ", ",
            )],
            " ON DUPLICATE KEY UPDATE status = VALUES(status), attempt = VALUES(attempt),
                retry_count = VALUES(retry_count), pg_outcome = VALUES(pg_outcome),
                dead_lettered = VALUES(dead_lettered), reason = VALUES(reason),
                transaction_id = VALUES(transaction_id), response_code = VALUES(response_code),
                response_message = VALUES(response_message), next_attempt_at = VALUES(next_attempt_at),
                attempted_at = VALUES(attempted_at), updated_at = VALUES(updated_at)",
            MOST,
        )
    };
}

static SETTLEMENTS: Repeated = upsert!("settlement_request");
static REFUNDS: Repeated = upsert!("refund_request");

/// Writes the operations that these appends changed. An authorization is its payment's own row.
pub(super) async fn write(session: &mut Session, entries: &[&Entry<'_>]) -> Result<(), Failure> {
    let of = |wanted: &[OperationKind]| -> Vec<(&Payment, &Operation)> {
        let mut rows: Vec<(&Payment, &Operation)> = entries
            .iter()
            .flat_map(|entry| entry.append.requests.iter().map(|request| (&*entry.append.payment, request)))
            .filter(|(_, operation)| wanted.contains(&operation.kind))
            .collect();
        rows.sort_unstable_by_key(|(payment, operation)| (payment.id, operation.no));
        rows
    };
    SETTLEMENTS.run(session, &of(&[OperationKind::Capture]), bind).await?;
    REFUNDS.run(session, &of(&[OperationKind::Refund, OperationKind::Void]), bind).await?;
    Ok(())
}

fn bind(statement: Statement, (payment, operation): &(&Payment, &Operation)) -> Statement {
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    statement
        .bind(payment.id.as_i64())
        .bind(operation.no.0)
        .bind(operation.kind.as_str())
        .bind(operation.amount.as_i64())
        .bind(operation.progress.as_str())
        .bind(operation.attempt.0)
        .bind(operation.negatives)
        .bind(operation.outcome.as_str())
        .bind(operation.progress == Progress::DeadLettered)
        .bind(operation.reason.as_ref().map(|reason| Reason::as_str(reason).to_owned()))
        .bind(text(&operation.transaction_id))
        .bind(text(&operation.response_code))
        .bind(text(&operation.response_message))
        .bind(operation.next_attempt_at().map(Timestamp::as_micros))
        .bind(operation.attempted_at.as_micros())
        .bind(operation.requested_at.as_micros())
        .bind(payment.updated_at.as_micros())
}
