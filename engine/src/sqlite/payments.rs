//! [`PaymentStore`] on SQLite.

use std::collections::BTreeMap;
use std::sync::LazyLock;

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
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{parsed, small, status, timestamp, trace_id, unsigned};
use super::failure::Failure;
use super::{SqliteStore, keys, ledger};

#[async_trait]
impl PaymentStore for SqliteStore {
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.database.read(move |connection| find(connection, id)).await
    }

    async fn payment_with_entries(
        &self,
        id: PaymentId,
    ) -> Result<Option<(Payment, Vec<LedgerEntry>)>, StoreError> {
        self.database
            .read(move |connection| {
                let snapshot = connection.unchecked_transaction()?;
                let payment = find(&snapshot, id)?;
                payment.map(|payment| with_entries(&snapshot, payment)).transpose()
            })
            .await
    }

    async fn key(
        &self,
        merchant_id: &MerchantId,
        key: &IdempotencyKey,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let (merchant_id, key) = (merchant_id.clone(), key.clone());
        self.database
            .read(move |connection| Ok(keys::find(connection, &merchant_id, &key)?.map(|taken| taken.record)))
            .await
    }

    async fn ledger_entries(&self, id: PaymentId) -> Result<Vec<LedgerEntry>, StoreError> {
        self.database.read(move |connection| ledger::entries(connection, id)).await
    }

    async fn history(&self, id: PaymentId) -> Result<Vec<Transition>, StoreError> {
        self.database.read(move |connection| transitions(connection, id)).await
    }

    async fn list(&self, filter: &PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, StoreError> {
        let filter = filter.clone();
        self.database.read(move |connection| page(connection, &filter)).await
    }

    async fn claim_due(
        &self,
        kinds: &[DueKind],
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<PaymentId>, StoreError> {
        let kinds = kinds.to_vec();
        self.database.write(move |session| claim(session.connection, &kinds, now, lease_until, limit)).await
    }
}

fn find(connection: &Connection, id: PaymentId) -> Result<Option<Payment>, Failure> {
    let mut statement = connection.prepare_cached("SELECT document FROM payment WHERE payment_id = ?1")?;
    let document: Option<String> = statement.query_row([id.as_i64()], |row| row.get(0)).optional()?;
    document.as_deref().map(parse).transpose()
}

/// What nothing was captured of has no movements, so their table is not read: that would be one more page from the disk.
fn with_entries(connection: &Connection, payment: Payment) -> Result<(Payment, Vec<LedgerEntry>), Failure> {
    let entries = if payment.was_captured() { ledger::entries(connection, payment.id)? } else { Vec::new() };
    Ok((payment, entries))
}

fn parse(document: &str) -> Result<Payment, Failure> {
    serde_json::from_str(document).map_err(|error| Failure::unreadable("payment.document", error))
}

fn transitions(connection: &Connection, id: PaymentId) -> Result<Vec<Transition>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM payment_transition WHERE payment_id = ?1 ORDER BY version")?;
    let mut rows = statement.query([id.as_i64()])?;
    let mut history = Vec::new();
    while let Some(row) = rows.next()? {
        history.push(read_transition(row)?);
    }
    Ok(history)
}

fn read_transition(row: &Row<'_>) -> Result<Transition, Failure> {
    let has_from = row.get_ref("from_status")? != rusqlite::types::ValueRef::Null;
    Ok(Transition {
        version: Version(unsigned("version", row.get("version")?)?),
        from: if has_from { Some(parsed(row, "from_status", status)?) } else { None },
        to: parsed(row, "to_status", status)?,
        cause: Cause {
            kind: parsed(row, "cause", CauseKind::parse)?,
            reason: row.get::<_, Option<Box<str>>>("reason")?,
        },
        at: timestamp(row, "at")?,
        trace_id: trace_id(row)?,
        operation_no: OperationNo(small("operation_no", row.get("operation_no")?)?),
        attempt: Attempt(small("attempt", row.get("attempt")?)?),
    })
}

fn page(
    connection: &Connection,
    filter: &PaymentFilter,
) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, Failure> {
    // One snapshot for payments and movements.
    let snapshot = connection.unchecked_transaction()?;
    let mut statement = snapshot.prepare_cached(page_of(filter.status))?;
    let mut rows = statement.query(params![
        filter.merchant_id.as_str(),
        filter.below.map_or(i64::MAX, PaymentId::as_i64),
        filter.from.map_or(i64::MIN, Timestamp::as_micros),
        filter.to.map_or(i64::MAX, Timestamp::as_micros),
        filter.limit,
    ])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let payment =
            parse(row.get_ref(1)?.as_str().map_err(|error| Failure::unreadable("document", error))?)?;
        page.push(with_entries(&snapshot, payment)?);
    }
    Ok(page)
}

/// The text of a page: of one state, or of each of them, which SQLite merges as it reads, so that it reads no more of
/// any state than the page shows.
fn page_of(status: Option<Status>) -> &'static str {
    static OF_ONE: LazyLock<BTreeMap<Status, String>> =
        LazyLock::new(|| Status::ALL.into_iter().map(|status| (status, merged(&[status]))).collect());
    static OF_EACH: LazyLock<String> = LazyLock::new(|| merged(&Status::ALL));
    match status {
        Some(status) => &OF_ONE[&status],
        None => &OF_EACH,
    }
}

fn merged(states: &[Status]) -> String {
    let in_state = |status: &Status| {
        format!(
            "SELECT payment_id, document FROM payment WHERE status = '{}' AND merchant_id = ?1 AND payment_id < ?2
                 AND created_at >= ?3 AND created_at < ?4",
            status.as_str()
        )
    };
    let selects: Vec<_> = states.iter().map(in_state).collect();
    format!("{} ORDER BY payment_id DESC LIMIT ?5", selects.join(" UNION ALL "))
}

fn claim(
    connection: &Connection,
    kinds: &[DueKind],
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<PaymentId>, Failure> {
    let mut due = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT due_at, payment_id FROM payment WHERE due_kind = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3",
    )?;
    for kind in kinds {
        let mut rows = statement.query(params![kind.as_str(), now.as_micros(), limit])?;
        while let Some(row) = rows.next()? {
            let at: i64 = row.get("due_at")?;
            due.push((at, super::columns::payment_id(row, "payment_id")?));
        }
    }
    due.sort_unstable();
    due.truncate(limit as usize);
    let mut lease = connection.prepare_cached("UPDATE payment SET due_at = ?2 WHERE payment_id = ?1")?;
    for (_, id) in &due {
        lease.execute(params![id.as_i64(), lease_until.as_micros()])?;
    }
    Ok(due.into_iter().map(|(_, id)| id).collect())
}
