//! [`OperatorStore`] on SQLite.

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::AuditEntry;
use payment_actors::ports::operator_store::{OperationTotals, OperatorStore};
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::PaymentId;
use payment_schema::operation::OperationKind;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;

use super::columns::payment_id;
use super::{SqliteStore, letters, totals};

#[async_trait]
impl OperatorStore for SqliteStore {
    async fn dead_letters(
        &self,
        topic: Topic,
        status: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, StoreError> {
        self.database.read(move |connection| letters::page(connection, topic, status, before, limit)).await
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        let id = id.to_owned();
        self.database.read(move |connection| letters::find(connection, &id)).await
    }

    async fn put_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        let letters = letters.to_vec();
        self.database
            .write(move |session| {
                letters.iter().try_for_each(|letter| letters::insert(session.connection, letter))
            })
            .await
    }

    async fn close_dead_letter(
        &self,
        id: &str,
        status: LetterStatus,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.database.write(move |session| letters::close(session.connection, &id, status, &reason, at)).await
    }

    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, StoreError> {
        self.database.read(letters::open_counts).await
    }

    async fn write_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        self.database.write(move |session| letters::insert_audit(session.connection, &entry)).await
    }

    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        self.database.read(move |connection| letters::audit_page(connection, before, limit)).await
    }

    async fn operation_totals(
        &self,
        kind: OperationKind,
        delayed_before: Timestamp,
    ) -> Result<OperationTotals, StoreError> {
        self.database.read(move |connection| totals::of(connection, kind, delayed_before)).await
    }

    async fn status_counts(&self) -> Result<Vec<u64>, StoreError> {
        self.database.read(totals::by_status).await
    }

    async fn oldest_open(&self, limit: u32) -> Result<Vec<PaymentId>, StoreError> {
        const SQL: &str =
            "SELECT payment_id FROM payment WHERE open_operations > 0 ORDER BY updated_at LIMIT ?1";
        self.database
            .read(move |connection| {
                let mut statement = connection.prepare_cached(SQL)?;
                let mut rows = statement.query([limit])?;
                let mut ids = Vec::new();
                while let Some(row) = rows.next()? {
                    ids.push(payment_id(row, "payment_id")?);
                }
                Ok(ids)
            })
            .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping().await
    }
}
