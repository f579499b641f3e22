//! Sums over all payments for operators.
//!
//! These read whole indexes, so they belong on pages that people open, not on the path of a payment.

use payment_actors::ports::operator_store::OperationTotals;
use payment_schema::operation::OperationKind;
use payment_schema::status::Status;
use payment_schema::time::Timestamp;
use rusqlite::{Connection, params};

use super::columns::unsigned;
use super::failure::Failure;

/// `open` is what is under way or planned; a dead-lettered operation is counted as that alone.
macro_rules! totals_of_requests {
    ($table:literal) => {
        concat!(
            "SELECT count(*),
                count(*) FILTER (WHERE status = 'approved'),
                count(*) FILTER (WHERE status = 'open' AND NOT dead_lettered),
                count(*) FILTER (WHERE status = 'open' AND dead_lettered),
                count(*) FILTER (WHERE status IN ('failed', 'given-up')),
                count(*) FILTER (WHERE status = 'open' AND requested_at < ?2)
            FROM ",
            $table,
            " WHERE operation = ?1"
        )
    };
}

/// Totals of an operation kind.
pub(super) fn of(
    connection: &Connection,
    kind: OperationKind,
    delayed_before: Timestamp,
) -> Result<OperationTotals, Failure> {
    let sql = match kind {
        OperationKind::Authorize => AUTHORIZATIONS,
        OperationKind::Capture => totals_of_requests!("settlement_request"),
        OperationKind::Refund | OperationKind::Void => totals_of_requests!("refund_request"),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let counts = statement.query_row(params![kind.as_str(), delayed_before.as_micros()], |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get::<_, i64>(5)?])
    })?;
    let count = |index: usize| unsigned("count", counts[index]);
    Ok(OperationTotals {
        total: count(0)?,
        approved: count(1)?,
        open: count(2)?,
        dead_lettered: count(3)?,
        given_up: count(4)?,
        delayed: count(5)?,
    })
}

/// An authorization has no request row: its payment's row tells. Only where the state leaves it open whether the
/// hold was approved is the document looked into, and only the rows of these states are read.
const AUTHORIZATIONS: &str = "
    SELECT sum(payments), sum(approved), sum(waiting) - sum(letters), sum(letters), sum(given_up), sum(older)
    FROM (
        SELECT count(*) AS payments, count(*) FILTER (WHERE status <> 'AUTH_FAILED') AS approved,
            0 AS waiting, 0 AS letters, 0 AS given_up, 0 AS older
        FROM payment WHERE status NOT IN ('READY', 'CANCELLED')
        UNION ALL
        SELECT count(*), 0, count(*),
            count(*) FILTER (WHERE document ->> '$.operations[0].progress' = 'dead-lettered'), 0,
            count(*) FILTER (WHERE created_at < ?2)
        FROM payment WHERE status = 'READY'
        UNION ALL
        SELECT count(*), count(*) FILTER (WHERE document ->> '$.operations[0].progress' = 'approved'), 0, 0,
            count(*) FILTER (WHERE document ->> '$.operations[0].progress' <> 'approved'), 0
        FROM payment WHERE status = 'CANCELLED'
    ) WHERE ?1 = 'authorize'";

/// How many payments are in each state, in the order of [`Status::ALL`].
pub(super) fn by_status(connection: &Connection) -> Result<Vec<u64>, Failure> {
    let mut counts = vec![0; Status::ALL.len()];
    let mut statement = connection.prepare_cached("SELECT status, count(*) FROM payment GROUP BY status")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let status = super::columns::parsed(row, "status", super::columns::status)?;
        let place = Status::ALL.iter().position(|known| *known == status).expect("ALL has every state");
        counts[place] = unsigned("count", row.get(1)?)?;
    }
    Ok(counts)
}
