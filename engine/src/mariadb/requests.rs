//! The request rows: captures in one table, refunds and voids in the other.

use payment_schema::operation::{Operation, OperationKind, Progress};
use payment_schema::payment::Payment;
use payment_schema::text::Reason;
use payment_schema::time::Timestamp;

use super::append::Entry;
use super::script::Script;

/// The two tables have the same columns.
macro_rules! insert_into {
    ($table:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (payment_id, operation_no, operation, amount, status, attempt, retry_count, pg_outcome, dead_lettered, ",
            "reason, transaction_id, response_code, response_message, next_attempt_at, attempted_at, requested_at, ",
            "updated_at) VALUES "
        )
    };
}

const CHANGED: &str = " ON DUPLICATE KEY UPDATE status = VALUES(status), attempt = VALUES(attempt), \
    retry_count = VALUES(retry_count), pg_outcome = VALUES(pg_outcome), dead_lettered = VALUES(dead_lettered), \
    reason = VALUES(reason), transaction_id = VALUES(transaction_id), response_code = VALUES(response_code), \
    response_message = VALUES(response_message), next_attempt_at = VALUES(next_attempt_at), \
    attempted_at = VALUES(attempted_at), updated_at = VALUES(updated_at)";

/// Writes the operations that these appends changed. An authorization is its payment's own row.
pub(super) fn write(script: &mut Script, entries: &[&Entry<'_>]) {
    let of = |wanted: &[OperationKind]| -> Vec<(&Payment, &Operation)> {
        let mut rows: Vec<(&Payment, &Operation)> = entries
            .iter()
            .flat_map(|entry| entry.append.requests.iter().map(|request| (&*entry.append.payment, request)))
            .filter(|(_, operation)| wanted.contains(&operation.kind))
            .collect();
        rows.sort_unstable_by_key(|(payment, operation)| (payment.id, operation.no));
        rows
    };
    script.insert(insert_into!("settlement_request"), of(&[OperationKind::Capture]), CHANGED, row);
    let released = of(&[OperationKind::Refund, OperationKind::Void]);
    script.insert(insert_into!("refund_request"), released, CHANGED, row);
}

fn row(script: &mut Script, (payment, operation): (&Payment, &Operation)) {
    script
        .number(payment.id.as_i64())
        .number(operation.no.0)
        .text(operation.kind.as_str())
        .number(operation.amount.as_i64())
        .text(operation.progress.as_str())
        .number(operation.attempt.0)
        .number(operation.negatives)
        .text(operation.outcome.as_str())
        .number(operation.progress == Progress::DeadLettered)
        .text_if_any(operation.reason.as_ref().map(Reason::as_str))
        .text_if_any(operation.transaction_id.as_deref())
        .text_if_any(operation.response_code.as_deref())
        .text_if_any(operation.response_message.as_deref())
        .number_if_any(operation.next_attempt_at().map(Timestamp::as_micros))
        .number(operation.attempted_at.as_micros())
        .number(operation.requested_at.as_micros())
        .number(payment.updated_at.as_micros());
}
