//! [`OperatorStore`] on MariaDB.

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
use super::failure::Failure;
use super::session::Session;
use super::tries::{reading, repeatable, writing};
use super::{MariaDbStore, letters, totals};

#[async_trait]
impl OperatorStore for MariaDbStore {
    async fn dead_letters(
        &self,
        topic: Topic,
        status: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, StoreError> {
        reading!(self, |session| letters::page(session, topic, status, before, limit))
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        reading!(self, |session| letters::find(session, id))
    }

    async fn put_dead_letters(&self, letters: &[DeadLetter]) -> Result<(), StoreError> {
        writing!(self, |session| put(session, letters))
    }

    async fn close_dead_letter(
        &self,
        id: &str,
        status: LetterStatus,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, |session| letters::close(session, id, status, reason, at))
    }

    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, StoreError> {
        reading!(self, |session| letters::open_counts(session))
    }

    async fn write_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        repeatable!(self, |session| letters::insert_audit(session, entry))
    }

    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, StoreError> {
        reading!(self, |session| letters::audit_page(session, before, limit))
    }

    async fn operation_totals(
        &self,
        kind: OperationKind,
        delayed_before: Timestamp,
    ) -> Result<OperationTotals, StoreError> {
        reading!(self, |session| totals::of(session, kind, delayed_before))
    }

    async fn status_counts(&self) -> Result<Vec<u64>, StoreError> {
        reading!(self, |session| totals::by_status(session))
    }

    async fn oldest_open(&self, limit: u32) -> Result<Vec<PaymentId>, StoreError> {
        reading!(self, |session| oldest_open(session, limit))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        reading!(self, |session| ask_anything(session))
    }
}

async fn put(session: &mut Session, letters: &[DeadLetter]) -> Result<(), Failure> {
    for letter in letters {
        letters::insert(session, letter).await?;
    }
    Ok(())
}

async fn oldest_open(session: &mut Session, limit: u32) -> Result<Vec<PaymentId>, Failure> {
    const SQL: &str = "
        SELECT payment_id FROM payment FORCE INDEX (payment_open)
        WHERE open_touched_at IS NOT NULL ORDER BY open_touched_at LIMIT ?";
    session.rows(sqlx::query(SQL).bind(limit)).await?.iter().map(payment_id).collect()
}

/// A table is read: a server may answer while its tables cannot be.
async fn ask_anything(session: &mut Session) -> Result<(), Failure> {
    session
        .row(sqlx::query("SELECT next_sequence FROM payment_sequence WHERE only_row = 1"))
        .await
        .map(|_| ())
}
