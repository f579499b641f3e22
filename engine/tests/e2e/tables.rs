//! The raw tables, read beside the engine.

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::engine::Engine;

/// One record of the event log.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) topic: String,
    pub(crate) value: Value,
}

fn open(engine: &Engine) -> Connection {
    let file = engine.data_dir().join("payment.db");
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens")
}

/// Every event of a payment, in the order of its sequence.
pub(crate) fn events(engine: &Engine, id: u64) -> Vec<Published> {
    let database = open(engine);
    let mut read = database
        .prepare("SELECT topic, CAST(value AS BLOB) FROM event_log WHERE CAST(key AS TEXT) = ?1")
        .expect("the event log can be read");
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?));
    let rows = read.query_map([id.to_string()], row).expect("rows");
    let mut events: Vec<Published> = rows
        .map(|row| row.expect("a row"))
        .map(|(topic, value)| Published { topic, value: serde_json::from_slice(&value).expect("JSON") })
        .filter(|event| event.value.get("eventSeq").is_some())
        .collect();
    events.sort_by_key(|event| event.value["eventSeq"].as_u64());
    events.dedup_by_key(|event| event.value["eventSeq"].as_u64());
    events
}

/// The sum of debits less credits over the whole ledger, and the number of rows.
pub(crate) fn ledger_balance(engine: &Engine) -> (i64, i64) {
    open(engine)
        .query_row(
            "SELECT COALESCE(SUM(CASE side WHEN 'debit' THEN amount ELSE -amount END), 0), COUNT(*) FROM ledger_entry",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("the ledger can be summed")
}
