//! SQLite files.

use std::path::Path;

use rusqlite::Connection;

use super::{COURSES, ROWS, bench};

/// A file with the engine's tables.
fn file_with_tables(directory: &Path) -> String {
    let file = directory.join("payment.db");
    let connection = Connection::open(&file).expect("a file");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/sqlite");
    let mut migrations: Vec<_> = std::fs::read_dir(schema)
        .expect("the migrations")
        .map(|entry| entry.expect("a file").path())
        .collect();
    migrations.sort();
    for migration in migrations {
        let text = std::fs::read_to_string(&migration).expect("a migration");
        connection.execute_batch(&text).expect("a migration runs");
    }
    file.display().to_string()
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).expect(sql)
}

fn indexes(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' ORDER BY name")
        .expect("a query");
    let names = statement.query_map([], |row| row.get(0)).expect("rows");
    names.collect::<Result<_, _>>().expect("names")
}

#[test]
fn a_file_is_filled_with_payments_that_have_ended() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = file_with_tables(directory.path());
    let before = indexes(&Connection::open(&file).expect("the file"));
    let url = format!("sqlite:{file}");
    for _ in 0..2 {
        bench(&["fill", "--store-url", &url, "--payments", "40", "--course", COURSES, "--events"]);
    }
    let connection = Connection::open(&file).expect("the file");
    for (table, rows) in ROWS {
        assert_eq!(number(&connection, &format!("SELECT count(*) FROM {table}")), 2 * rows, "{table}");
    }
    assert_eq!(indexes(&connection), before);
    assert_eq!(number(&connection, "SELECT next_sequence FROM payment_sequence"), 81);
    assert_eq!(number(&connection, "SELECT max(payment_id) / 1024 FROM payment"), 80);
    assert_eq!(number(&connection, "SELECT count(*) FROM event_log"), 220);
    assert_eq!(number(&connection, "SELECT count(*) FROM outbox_event WHERE published_at IS NULL"), 0);
    let unread = "SELECT count(*) FROM event_log JOIN consumer_offset USING (topic, partition)
                  WHERE offset >= next_offset";
    assert_eq!(number(&connection, unread), 0);
    assert_eq!(number(&connection, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(sound, "ok");
}

#[test]
fn the_floor_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let (store, json) = (directory.path().join("payment.db"), directory.path().join("floor.json"));
    let url = format!("sqlite:{}", store.display());
    let json_text = json.display().to_string();
    let words = bench(&[
        "floor",
        "--store-url",
        &url,
        "--authorizations",
        "20",
        "--batches",
        "2,5",
        "--json",
        &json_text,
    ]);
    assert!(words.contains("floor of sqlite"), "{words}");
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("the directory").collect();
    assert_eq!(left.len(), 1, "only the result is left: {left:?}");
    let page = bench(&["report", "--title", "A floor", &json_text]);
    assert!(page.starts_with("# A floor\n"), "{page}");
    assert!(page.contains("| prepared | 5 | 1 |"), "{page}");
}
