//! [`PaymentStore`] on MariaDB.

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::KeyRecord;
use payment_actors::ports::payment_store::{PaymentFilter, PaymentStore};
use payment_schema::cause::{Cause, CauseKind};
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId, Version};
use payment_schema::ledger::LedgerEntry;
use payment_schema::payment::{DueKind, Payment};
use payment_schema::status::Status;
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use payment_schema::transition::Transition;
use sqlx::mysql::MySqlRow;

use super::columns::{parsed, parsed_if_any, payment_id, status, timestamp, trace_id, unsigned, value};
use super::failure::Failure;
use super::reads::{About, Found, Question};
use super::session::Session;
use super::statements::Repeated;
use super::tries::{reading, writing};
use super::{MariaDbStore, keys, ledger};

#[async_trait]
impl PaymentStore for MariaDbStore {
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        Ok(self.ask(Question { id, about: About::Payment }).await?.payment)
    }

    async fn payment_with_entries(
        &self,
        id: PaymentId,
    ) -> Result<Option<(Payment, Vec<LedgerEntry>)>, StoreError> {
        let Found { payment, entries } = self.ask(Question { id, about: About::Whole }).await?;
        Ok(payment.map(|payment| (payment, entries)))
    }

    async fn key(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let taken: Result<_, StoreError> = reading!(self, |session| keys::find(session, merchant_id, key));
        Ok(taken?.map(|taken| taken.record))
    }

    async fn ledger_entries(&self, id: PaymentId) -> Result<Vec<LedgerEntry>, StoreError> {
        Ok(self.ask(Question { id, about: About::Entries }).await?.entries)
    }

    async fn history(&self, id: PaymentId) -> Result<Vec<Transition>, StoreError> {
        reading!(self, |session| transitions(session, id))
    }

    async fn list(&self, filter: &PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, StoreError> {
        reading!(self, |session| page(session, filter))
    }

    async fn claim_due(
        &self,
        kinds: &[DueKind],
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<PaymentId>, StoreError> {
        writing!(self, |session| claim(session, kinds, now, lease_until, limit))
    }
}

impl MariaDbStore {
    async fn ask(&self, question: Question) -> Result<Found, StoreError> {
        let ended = || StoreError::Unavailable("the engine is ending".to_owned());
        self.reads.send(question).await.ok_or_else(ended)?
    }
}

/// A payment out of its row.
pub(super) fn read(row: &MySqlRow) -> Result<Payment, Failure> {
    let document: &str = value(row, "document")?;
    serde_json::from_str(document).map_err(|error| Failure::unreadable("payment.document", error))
}

async fn transitions(session: &mut Session, id: PaymentId) -> Result<Vec<Transition>, Failure> {
    const SQL: &str = "
        SELECT version, from_status, to_status, cause, reason, at, trace_id, operation_no, attempt
        FROM payment_transition WHERE payment_id = ? ORDER BY version";
    let rows = session.rows(sqlx::query(SQL).bind(id.as_i64())).await?;
    rows.iter().map(read_transition).collect()
}

fn read_transition(row: &MySqlRow) -> Result<Transition, Failure> {
    let reason: Option<&str> = value(row, "reason")?;
    Ok(Transition {
        version: Version(unsigned(row, "version")?),
        from: parsed_if_any(row, "from_status", status)?,
        to: parsed(row, "to_status", status)?,
        cause: Cause { kind: parsed(row, "cause", CauseKind::parse)?, reason: reason.map(Into::into) },
        at: timestamp(row, "at")?,
        trace_id: trace_id(row)?,
        operation_no: OperationNo(value(row, "operation_no")?),
        attempt: Attempt(value(row, "attempt")?),
    })
}

/// Two texts, because "any state" and "this state" are served by different indexes. Without being told, the server
/// may walk down the primary key past other merchants' payments.
const PAGE: &str = "
    SELECT payment_id, document FROM payment FORCE INDEX (payment_by_merchant)
    WHERE merchant_id = ? AND payment_id < ? AND created_at >= ? AND created_at < ?
    ORDER BY payment_id DESC LIMIT ?";
const PAGE_OF_STATUS: &str = "
    SELECT payment_id, document FROM payment FORCE INDEX (payment_of_status)
    WHERE merchant_id = ? AND payment_id < ? AND created_at >= ? AND created_at < ? AND status = ?
    ORDER BY payment_id DESC LIMIT ?";

async fn page(
    session: &mut Session,
    filter: &PaymentFilter,
) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, Failure> {
    session.open_snapshot().await?;
    let statement = sqlx::query(if filter.status.is_some() { PAGE_OF_STATUS } else { PAGE })
        .bind(filter.merchant_id.as_str().to_owned())
        .bind(filter.below.map_or(i64::MAX, PaymentId::as_i64))
        .bind(filter.from.map_or(i64::MIN, Timestamp::as_micros))
        .bind(filter.to.map_or(i64::MAX, Timestamp::as_micros));
    let statement = match filter.status {
        Some(status) => statement.bind(status.as_str()),
        None => statement,
    };
    let rows = session.rows(statement.bind(filter.limit)).await?;
    let payments = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let captured = payments.iter().filter(|payment| payment.was_captured());
    let ids: Vec<PaymentId> = captured.map(|payment| payment.id).collect();
    let mut entries = ledger::entries(session, &ids).await?;
    session.close_snapshot().await?;
    let with_entries = |payment: Payment| {
        let entries = entries.remove(&payment.id).unwrap_or_default();
        (payment, entries)
    };
    Ok(payments.into_iter().map(with_entries).collect())
}

/// What another sweep is leasing at this moment is passed over.
const DUE: &str = "
    SELECT payment_id, due_at FROM payment FORCE INDEX (payment_due)
    WHERE due_kind = ? AND due_at <= ? ORDER BY due_at, payment_id LIMIT ? FOR UPDATE SKIP LOCKED";

static LEASE: Repeated = Repeated::new("UPDATE payment SET due_at = ? WHERE payment_id IN (", "?", ", ", ")");

async fn claim(
    session: &mut Session,
    kinds: &[DueKind],
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<PaymentId>, Failure> {
    let mut due: Vec<(Timestamp, PaymentId)> = Vec::new();
    for kind in kinds {
        let statement = sqlx::query(DUE).bind(kind.as_str()).bind(now.as_micros()).bind(limit);
        for row in session.rows(statement).await? {
            due.push((timestamp(&row, "due_at")?, payment_id(&row)?));
        }
    }
    due.sort_unstable();
    due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let ids: Vec<PaymentId> = due.into_iter().map(|(_, id)| id).collect();
    for (statement, piece) in LEASE.lists(&ids) {
        let statement = statement.bind(lease_until.as_micros());
        session.run(piece.fold(statement, |statement, id| statement.bind(id.as_i64()))).await?;
    }
    Ok(ids)
}

/// How many payments are in a state, by how far their authorization came. Reads all of them in the index.
pub(super) async fn count(session: &mut Session, status: Status) -> Result<Vec<(String, u64)>, Failure> {
    const SQL: &str = "
        SELECT authorization_progress, COUNT(*) AS payments
        FROM payment FORCE INDEX (payment_of_status) WHERE status = ? GROUP BY authorization_progress";
    let read = |row: &MySqlRow| Ok((value(row, "authorization_progress")?, unsigned(row, "payments")?));
    session.rows(sqlx::query(SQL).bind(status.as_str())).await?.iter().map(read).collect()
}

/// How many payments that were created before a moment are READY. Reads the rows of all that are, which are those that
/// wait for the gateway or for an operator.
pub(super) async fn count_ready(session: &mut Session, before: Timestamp) -> Result<u64, Failure> {
    const SQL: &str = "
        SELECT COUNT(*) AS payments FROM payment FORCE INDEX (payment_of_status)
        WHERE status = 'READY' AND created_at < ?";
    let row = session.row(sqlx::query(SQL).bind(before.as_micros())).await?;
    row.map_or(Ok(0), |row| unsigned(&row, "payments"))
}
