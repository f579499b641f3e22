//! Seeing from outside that a session waits for another.

use std::time::Duration;

use sqlx::Row;
use sqlx::mysql::MySqlRow;

use crate::server::{TestDatabase, run};

/// Returns once a session of this database waits for somebody's row lock or for a named lock.
///
/// Who waits for a row is read from the monitor's text: `information_schema.innodb_trx` answers from a cache that is
/// not filled anew while anybody asks more often than every 100 ms, so several tests would keep each other waiting.
pub(crate) async fn until_somebody_waits(database: &TestDatabase) {
    let mut watcher = database.connect().await;
    loop {
        let monitor: String = run(&mut watcher, "SHOW ENGINE INNODB STATUS").await[0].get("Status");
        let sessions = "SELECT id, state FROM information_schema.processlist WHERE db = DATABASE()";
        let waits = |session: &MySqlRow| {
            session.get::<Option<String>, _>("state").as_deref() == Some("User lock")
                || waits_for_a_row(&monitor, session.get("id"))
        };
        if run(&mut watcher, sessions).await.iter().any(waits) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn waits_for_a_row(monitor: &str, session: i64) -> bool {
    let mine = format!(" thread id {session},");
    monitor
        .split("---TRANSACTION")
        .any(|transaction| transaction.contains("LOCK WAIT") && transaction.contains(&mine))
}
