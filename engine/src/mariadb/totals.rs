//! Sums over all payments for operators.
//!
//! These read whole ranges of indexes, so they belong on pages that people open, not on the path of a payment. The
//! session's `max_statement_time` ends them where there is too much to read.

use payment_actors::ports::operator_store::OperationTotals;
use payment_schema::operation::OperationKind;
use payment_schema::status::Status;
use payment_schema::time::Timestamp;

use super::columns::{unsigned, value};
use super::failure::Failure;
use super::payments;
use super::session::Session;

/// Served by the index on (operation, status, dead_lettered, requested_at) alone.
macro_rules! requests_by_status {
    ($table:literal) => {
        concat!(
            "SELECT status, dead_lettered, COUNT(*) AS requests,
                COUNT(CASE WHEN requested_at < ? THEN 1 END) AS older
            FROM ",
            $table,
            " WHERE operation = ? GROUP BY status, dead_lettered"
        )
    };
}
/// Totals of an operation kind.
pub(super) async fn of(
    session: &mut Session,
    kind: OperationKind,
    delayed_before: Timestamp,
) -> Result<OperationTotals, Failure> {
    match kind {
        OperationKind::Authorize => of_authorizations(session, delayed_before).await,
        OperationKind::Capture => {
            of_requests(session, requests_by_status!("settlement_request"), kind, delayed_before).await
        }
        OperationKind::Refund | OperationKind::Void => {
            of_requests(session, requests_by_status!("refund_request"), kind, delayed_before).await
        }
    }
}

/// `open` is what is under way or planned; a dead-lettered operation is counted as that alone.
async fn of_requests(
    session: &mut Session,
    sql: &'static str,
    kind: OperationKind,
    delayed_before: Timestamp,
) -> Result<OperationTotals, Failure> {
    let statement = sqlx::query(sql).bind(delayed_before.as_micros()).bind(kind.as_str());
    let mut totals = OperationTotals::default();
    for row in session.rows(statement).await? {
        let requests = unsigned(&row, "requests")?;
        totals.total += requests;
        match value::<&str>(&row, "status")? {
            "approved" => totals.approved += requests,
            "open" => {
                totals.delayed += unsigned(&row, "older")?;
                if value(&row, "dead_lettered")? {
                    totals.dead_lettered += requests;
                } else {
                    totals.open += requests;
                }
            }
            "failed" | "given-up" => totals.given_up += requests,
            other => return Err(Failure::unreadable("status", format_args!("{other:?}"))),
        }
    }
    Ok(totals)
}

/// An authorization has no request row: its payment's row tells.
async fn of_authorizations(
    session: &mut Session,
    delayed_before: Timestamp,
) -> Result<OperationTotals, Failure> {
    let mut totals = OperationTotals::default();
    session.open_snapshot().await?;
    for status in Status::ALL {
        for (progress, payments) in payments::count(session, status).await? {
            totals.total += payments;
            match (status, progress.as_str()) {
                (Status::Ready, "dead-lettered") => totals.dead_lettered += payments,
                (Status::Ready, _) => totals.open += payments,
                (_, "approved") => totals.approved += payments,
                (Status::Cancelled, _) => totals.given_up += payments,
                // Declined: neither approved nor given up.
                (_, _) => {}
            }
        }
    }
    totals.delayed = payments::count_ready(session, delayed_before).await?;
    session.close_snapshot().await?;
    Ok(totals)
}

/// How many payments are in each state, in the order of [`Status::ALL`].
pub(super) async fn by_status(session: &mut Session) -> Result<Vec<u64>, Failure> {
    let mut counts = Vec::with_capacity(Status::ALL.len());
    session.open_snapshot().await?;
    for status in Status::ALL {
        let found = payments::count(session, status).await?;
        counts.push(found.iter().map(|(_, payments)| payments).sum());
    }
    session.close_snapshot().await?;
    Ok(counts)
}
