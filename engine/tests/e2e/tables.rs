//! The raw tables and topics, read beside the engine.

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use sqlx::Row;

use crate::engine::Engine;
use crate::topics;

/// One record of the event log.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) topic: String,
    pub(crate) value: Value,
}

/// Every event of a payment, in the order of its sequence.
pub(crate) async fn events(engine: &Engine, id: u64) -> Vec<Published> {
    let records = match engine.place().cloned() {
        None => records_of_the_file(engine, id),
        Some(place) => {
            let read = tokio::task::spawn_blocking(move || topics::read(&place));
            let of_the_payment = |found: &topics::Found| found.key == id.to_string().as_bytes();
            let found = read.await.expect("the topics are read").into_iter().filter(of_the_payment);
            found.map(|found| (found.topic.to_owned(), found.value)).collect()
        }
    };
    let mut events: Vec<Published> = records
        .into_iter()
        .map(|(topic, value)| Published { topic, value: serde_json::from_slice(&value).expect("JSON") })
        .filter(|event| event.value.get("eventSeq").is_some())
        .collect();
    events.sort_by_key(|event| event.value["eventSeq"].as_u64());
    events.dedup_by_key(|event| event.value["eventSeq"].as_u64());
    events
}

/// The sum of debits less credits over the whole ledger, and the number of rows.
pub(crate) async fn ledger_balance(engine: &Engine) -> (i64, i64) {
    const SUM: &str = "SUM(CASE side WHEN 'debit' THEN amount ELSE -amount END)";
    let Some(place) = engine.place() else {
        let sql = format!("SELECT COALESCE({SUM}, 0), COUNT(*) FROM ledger_entry");
        let summed = open(engine).query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
        return summed.expect("the ledger can be summed");
    };
    let sql = format!("SELECT CAST(COALESCE({SUM}, 0) AS SIGNED), COUNT(*) FROM ledger_entry");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut place.connect().await).await;
    let row = row.expect("the ledger can be summed");
    (row.get(0), row.get(1))
}

fn open(engine: &Engine) -> Connection {
    let file = engine.data_dir().join("payment.db");
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens")
}

/// Topic and value of a payment's records.
fn records_of_the_file(engine: &Engine, id: u64) -> Vec<(String, Vec<u8>)> {
    let database = open(engine);
    let mut read = database
        .prepare("SELECT topic, CAST(value AS BLOB) FROM event_log WHERE CAST(key AS TEXT) = ?1")
        .expect("the event log can be read");
    let rows = read.query_map([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}
