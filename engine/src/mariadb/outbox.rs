//! [`OutboxStore`] on MariaDB.
//!
//! Which index serves a question is said to the server: those over unpublished records look selective or not
//! depending on how the broker did lately, and a mark that walked over all unpublished records would wait for the
//! locks of every journal transaction under way.

use std::collections::BTreeMap;

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{OutboxKey, OutboxRecord};
use payment_actors::ports::outbox_store::OutboxStore;
use payment_schema::ids::PaymentId;
use payment_schema::time::Timestamp;
use sqlx::mysql::MySqlRow;

use super::MariaDbStore;
use super::columns::{event_id, payment_id, signed, timestamp, topic, trace_id, unsigned, value};
use super::failure::Failure;
use super::script::Script;
use super::session::Session;
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
        records: &[OutboxKey],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut places: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for record in records {
            places.entry(record.place()).or_default().push(record.payment_id.as_i64());
        }
        repeatable!(self, |session| mark(session, &places, at))
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
        "FORCE INDEX (outbox_published) WHERE published_at = 0 AND position > ? ORDER BY position LIMIT ?"
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
        "FORCE INDEX (outbox_place) WHERE payment_id = ? AND place > 0 AND place < ? AND published_at = 0
         ORDER BY place"
    );
    let rows = session.rows(sqlx::query(SQL).bind(id.as_i64()).bind(signed(below))).await?;
    rows.iter().map(read).collect()
}

/// Marks the records at these places of these payments: a text for each place, because most records of a batch are
/// the same event of different payments, and numbers alone cost the server nothing to read. One transaction for all,
/// because each is a sync.
async fn mark(session: &mut Session, places: &BTreeMap<i64, Vec<i64>>, at: Timestamp) -> Result<(), Failure> {
    let mut script = Script::default();
    script.push("BEGIN; ");
    for (place, payments) in places {
        script.push("UPDATE outbox_event FORCE INDEX (outbox_place) SET published_at = ");
        script.apart().number(at.as_micros());
        script.push(" WHERE published_at = 0 AND place = ");
        script.apart().number(*place);
        script.push(" AND payment_id IN ");
        script.numbers(payments.iter().copied());
        script.push("; ");
    }
    script.push("COMMIT");
    session.control(script.into_sql()).await.map(|_| ())
}

async fn prune(session: &mut Session, before: Timestamp, limit: u32) -> Result<u64, Failure> {
    const SQL: &str =
        "DELETE FROM outbox_event WHERE published_at > 0 AND published_at < ? ORDER BY published_at LIMIT ?";
    Ok(session.run(sqlx::query(SQL).bind(before.as_micros()).bind(limit)).await?.rows_affected())
}

async fn backlog(session: &mut Session) -> Result<(u64, Option<Timestamp>), Failure> {
    const COUNT: &str = "
        SELECT COUNT(*) AS records FROM outbox_event FORCE INDEX (outbox_published) WHERE published_at = 0";
    const OLDEST: &str = "
        SELECT created_at FROM outbox_event FORCE INDEX (outbox_published)
        WHERE published_at = 0 ORDER BY position LIMIT 1";
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
