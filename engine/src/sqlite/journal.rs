//! [`JournalStore`] on SQLite.

use std::ops::Range;

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{Append, AppendOutcome, CommitMark, JournalStore};
use payment_schema::ids::Slot;
use rusqlite::{Connection, OptionalExtension, params};

use super::append::{Prepared, write_all};
use super::columns::{signed, unsigned};
use super::failure::Failure;
use super::{SqliteStore, keys};

#[async_trait]
impl JournalStore for SqliteStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<AppendOutcome>, StoreError> {
        let prepared: Vec<_> = batch.iter().map(Prepared::of).collect();
        self.database.write(move |session| write_all(session.connection, &prepared)).await
    }

    async fn committed(&self, marks: &[CommitMark]) -> Result<Vec<bool>, StoreError> {
        let marks = marks.to_vec();
        // Asked of the writer: behind everything that was queued before, so that an append which is still to
        // come is not taken for one that never will.
        self.database
            .write(move |session| marks.iter().map(|mark| is_committed(session.connection, mark)).collect())
            .await
    }

    async fn reserve_sequences(&self, _slot: Slot, count: u64) -> Result<Range<u64>, StoreError> {
        const SQL: &str =
            "UPDATE payment_sequence SET next_sequence = next_sequence + ?1 RETURNING next_sequence";
        self.database
            .write(move |session| {
                let mut statement = session.connection.prepare_cached(SQL)?;
                let next = statement.query_row([signed(count)], |row| row.get(0))?;
                let end = unsigned("next_sequence", next)?;
                Ok(end - count..end)
            })
            .await
    }
}

fn is_committed(connection: &Connection, mark: &CommitMark) -> Result<bool, Failure> {
    let mut row_of = connection
        .prepare_cached("SELECT token FROM payment_transition WHERE payment_id = ?1 AND version = ?2")?;
    let token: Option<i64> = row_of
        .query_row(params![mark.payment_id.as_i64(), signed(mark.version.0)], |row| row.get(0))
        .optional()?;
    if token == Some(mark.token.cast_signed()) {
        return Ok(true);
    }
    if let Some((merchant_id, key)) = &mark.key {
        let taken = keys::find(connection, merchant_id, key)?;
        return Ok(taken.is_some_and(|taken| taken.is_of(mark.payment_id, mark.token)));
    }
    match &mark.letter_id {
        // With a transition its token has decided; a letter's id alone may be another writer's.
        Some(id) if mark.operation_no.is_none() => Ok(super::letters::find(connection, id)?.is_some()),
        Some(_) | None => Ok(false),
    }
}
