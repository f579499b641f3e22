//! [`OutboxStore`] on MariaDB.
//!
//! Which index serves a question is said to the server: those over unpublished records look selective or not
//! depending on how the broker did lately, and a mark that walked over all unpublished records would wait for the
//! locks of every journal transaction under way.

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::OutboxRecord;
use payment_actors::ports::outbox_store::OutboxStore;
use payment_schema::ids::{EventId, PaymentId};
use payment_schema::time::Timestamp;
use sqlx::mysql::MySqlRow;

use super::MariaDbStore;
use super::columns::{event_id, payment_id, signed, timestamp, topic, trace_id, unsigned, value};
use super::failure::Failure;
use super::session::Session;
use super::statements::{List, MOST, Repeated};
use super::tries::{reading, repeatable};

#[async_trait]
impl OutboxStore for MariaDbStore {
    async fn unpublished(
        &self,
        _database: usize,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, OutboxRecord)>, StoreError> {
        reading!(self, |session| unpublished(session, after, limit))
    }

    async fn unpublished_before(&self, id: PaymentId, below: u64) -> Result<Vec<OutboxRecord>, StoreError> {
        reading!(self, |session| unpublished_before(session, id, below))
    }

    async fn mark_published(
        &self,
        _database: usize,
        events: &[EventId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut ids: Vec<String> = events.iter().map(EventId::to_string).collect();
        // Whoever marks the same records takes their locks in the same order.
        ids.sort_unstable();
        repeatable!(self, |session| mark(session, &ids, at))
    }

    async fn prune_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        repeatable!(self, |session| prune(session, before, limit))
    }

    async fn backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        reading!(self, |session| backlog(session))
    }
}

macro_rules! record_columns {
    () => {
        "SELECT position, event_id, payment_id, event_seq, topic, payload, trace_id, created_at FROM outbox_event "
    };
}

async fn unpublished(
    session: &mut Session,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, OutboxRecord)>, Failure> {
    const SQL: &str = concat!(
        record_columns!(),
        "FORCE INDEX (outbox_published) WHERE published_at IS NULL AND position > ? ORDER BY position LIMIT ?"
    );
    let rows = session.rows(sqlx::query(SQL).bind(signed(after)).bind(limit)).await?;
    rows.iter().map(|row| Ok((unsigned(row, "position")?, read(row)?))).collect()
}

async fn unpublished_before(
    session: &mut Session,
    id: PaymentId,
    below: u64,
) -> Result<Vec<OutboxRecord>, Failure> {
    const SQL: &str = concat!(
        record_columns!(),
        "FORCE INDEX (outbox_of_payment) WHERE payment_id = ? AND event_seq < ? AND published_at IS NULL
         ORDER BY event_seq"
    );
    let rows = session.rows(sqlx::query(SQL).bind(id.as_i64()).bind(signed(below))).await?;
    rows.iter().map(read).collect()
}

static MARK: Repeated = Repeated::new(
    &[List::new(
        "UPDATE outbox_event FORCE INDEX (outbox_event_once) SET published_at = ?
         WHERE published_at IS NULL AND event_id IN (",
        "?",
        ", ",
    )],
    ")",
    MOST,
);

async fn mark(session: &mut Session, ids: &[String], at: Timestamp) -> Result<(), Failure> {
    for (statement, piece) in MARK.lists(ids) {
        let statement = statement.bind(at.as_micros());
        session.run(piece.fold(statement, |statement, id| statement.bind(id.clone()))).await?;
    }
    Ok(())
}

async fn prune(session: &mut Session, before: Timestamp, limit: u32) -> Result<u64, Failure> {
    const SQL: &str = "DELETE FROM outbox_event WHERE published_at < ? ORDER BY published_at LIMIT ?";
    Ok(session.run(sqlx::query(SQL).bind(before.as_micros()).bind(limit)).await?.rows_affected())
}

async fn backlog(session: &mut Session) -> Result<(u64, Option<Timestamp>), Failure> {
    const COUNT: &str = "
        SELECT COUNT(*) AS records FROM outbox_event FORCE INDEX (outbox_published) WHERE published_at IS NULL";
    const OLDEST: &str = "
        SELECT created_at FROM outbox_event FORCE INDEX (outbox_published)
        WHERE published_at IS NULL ORDER BY position LIMIT 1";
    session.open_snapshot().await?;
    let count = session.row(sqlx::query(COUNT)).await?;
    let oldest = session.row(sqlx::query(OLDEST)).await?;
    session.close_snapshot().await?;
    let count = count.map_or(Ok(0), |row| unsigned(&row, "records"))?;
    Ok((count, oldest.map(|row| timestamp(&row, "created_at")).transpose()?))
}

fn read(row: &MySqlRow) -> Result<OutboxRecord, Failure> {
    let seq: Option<i64> = value(row, "event_seq")?;
    let payload: &str = value(row, "payload")?;
    Ok(OutboxRecord {
        event_id: event_id(row)?,
        payment_id: payment_id(row)?,
        event_seq: seq.map(|_| unsigned(row, "event_seq")).transpose()?,
        topic: topic(row)?,
        payload: payload.to_owned().into(),
        trace_id: trace_id(row)?,
        at: timestamp(row, "created_at")?,
    })
}
