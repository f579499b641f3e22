//! Filling a MariaDB: several connections, each with transactions of its own.

use std::ops::Range;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row as _};

use super::chunk::{Chunk, Plan};
use super::{Chunks, Counter, plan};
use crate::cli::fill::FillOptions;
use crate::failure::Failure;
use crate::rows::{Dialect, Table, Write};
use crate::{store, terminal};

/// Rows in one statement: a text of a few hundred kilobytes, far below the server's `max_allowed_packet`.
const ROWS: usize = 500;

/// Every secondary index of this schema's tables.
const INDEXES: &str = "
    SELECT table_name AS `table`, index_name AS name, MIN(non_unique) = 0 AS is_unique,
        GROUP_CONCAT(CONCAT('`', column_name, '`') ORDER BY seq_in_index SEPARATOR ', ') AS columns
    FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'
    GROUP BY table_name, index_name ORDER BY table_name, index_name";

/// One secondary index.
struct Index {
    table: String,
    name: String,
    is_unique: bool,
    columns: String,
}

/// Writes the payments.
pub(super) fn fill(server: &MySqlConnectOptions, options: &FillOptions) -> Result<(), Failure> {
    let runtime = store::runtime()?;
    let mut connection = runtime.block_on(connect(server))?;
    let sequences = runtime.block_on(reserve(&mut connection, options.payments))?;
    let indexes = runtime.block_on(indexes(&mut connection))?;
    let (drop, add) = (drop_texts(&indexes), add_texts(&indexes));
    terminal::note("secondary indexes are dropped; if this is cut short, build them again with:");
    add.iter().for_each(|text| terminal::note(&format!("  {text};")));
    runtime.block_on(run_all(&mut connection, &drop))?;
    let written = write(server, options, &sequences);
    terminal::note("building the indexes again");
    runtime.block_on(run_all(&mut connection, &add))?;
    written?;
    let tables: Vec<&str> = Table::ALL.into_iter().map(Table::name).collect();
    runtime.block_on(run_all(&mut connection, &[format!("ANALYZE TABLE {}", tables.join(", "))]))?;
    runtime.block_on(connection.close()).map_err(failed)
}

fn write(server: &MySqlConnectOptions, options: &FillOptions, sequences: &Range<u64>) -> Result<(), Failure> {
    let plan = plan(options, Dialect::MariaDb, sequences);
    let (chunks, counter) = (Chunks::new(sequences), Counter::new(options.payments));
    std::thread::scope(|scope| {
        let lane = || scope.spawn(|| run_lane(server, &plan, &chunks, &counter));
        let lanes: Vec<_> = (0..options.connections.max(1)).map(|_| lane()).collect();
        let panicked = |_| Err(Failure::new("a connection's thread panicked"));
        lanes.into_iter().try_for_each(|lane| lane.join().unwrap_or_else(panicked))
    })
}

fn run_lane(
    server: &MySqlConnectOptions,
    plan: &Plan,
    chunks: &Chunks,
    counter: &Counter,
) -> Result<(), Failure> {
    let runtime = store::runtime()?;
    let mut connection = runtime.block_on(connect(server))?;
    while let Some(sequences) = chunks.take() {
        let chunk = plan.chunk(sequences)?;
        runtime.block_on(write_chunk(&mut connection, &chunk))?;
        counter.add(chunk.payments);
    }
    runtime.block_on(connection.close()).map_err(failed)
}

async fn write_chunk(connection: &mut MySqlConnection, chunk: &Chunk) -> Result<(), Failure> {
    let mut text = "BEGIN".to_owned();
    for (table, rows) in &chunk.rows {
        for rows in rows.chunks(ROWS) {
            text.push_str("; ");
            Write::Insert(*table).with_values(rows, &mut text);
        }
    }
    text.push_str("; COMMIT");
    // Values were written as literals.
    connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.map(|_| ()).map_err(failed)
}

/// Draws sequence numbers as engines do, so that theirs go on behind these.
async fn reserve(connection: &mut MySqlConnection, count: u64) -> Result<Range<u64>, Failure> {
    const SQL: &str = "
        UPDATE payment_sequence SET next_sequence = LAST_INSERT_ID(next_sequence + ?) WHERE only_row = 1";
    let done = connection.execute(sqlx::query(SQL).bind(count)).await.map_err(|error| {
        Failure::new(format!(
            "no payment ids can be reserved: {error}; make the tables first with payment-engine migrate"
        ))
    })?;
    let end = done.last_insert_id();
    end.checked_sub(count).map(|start| start..end).ok_or_else(|| {
        Failure::new("payment_sequence has no row; make the tables again with payment-engine migrate")
    })
}

async fn indexes(connection: &mut MySqlConnection) -> Result<Vec<Index>, Failure> {
    let read = |row: &MySqlRow| {
        Ok(Index {
            table: row.try_get("table")?,
            name: row.try_get("name")?,
            is_unique: row.try_get::<i64, _>("is_unique")? == 1,
            columns: row.try_get("columns")?,
        })
    };
    let rows = connection.fetch_all(INDEXES).await.map_err(failed)?;
    let all = rows.iter().map(read).collect::<Result<Vec<Index>, sqlx::Error>>().map_err(failed)?;
    let filled = |index: &Index| Table::ALL.into_iter().any(|table| table.name() == index.table);
    Ok(all.into_iter().filter(filled).collect())
}

/// One statement for each table.
fn by_table(indexes: &[Index], change: impl Fn(&Index) -> String) -> Vec<String> {
    let texts = Table::ALL.into_iter().filter_map(|table| {
        let changes: Vec<String> =
            indexes.iter().filter(|index| index.table == table.name()).map(&change).collect();
        (!changes.is_empty()).then(|| format!("ALTER TABLE {} {}", table.name(), changes.join(", ")))
    });
    texts.collect()
}

fn drop_texts(indexes: &[Index]) -> Vec<String> {
    by_table(indexes, |index| format!("DROP INDEX `{}`", index.name))
}

fn add_texts(indexes: &[Index]) -> Vec<String> {
    by_table(indexes, |index| {
        let kind = if index.is_unique { "UNIQUE KEY" } else { "KEY" };
        format!("ADD {kind} `{}` ({})", index.name, index.columns)
    })
}

async fn run_all(connection: &mut MySqlConnection, texts: &[String]) -> Result<(), Failure> {
    for text in texts {
        // Names of tables, indexes and columns as the server told them.
        connection.execute(sqlx::raw_sql(AssertSqlSafe(text.clone()))).await.map_err(failed)?;
    }
    Ok(())
}

async fn connect(server: &MySqlConnectOptions) -> Result<MySqlConnection, Failure> {
    server.connect().await.map_err(Failure::because("the server cannot be reached"))
}

fn failed(error: sqlx::Error) -> Failure {
    Failure::because("the server refused")(error)
}

#[cfg(test)]
mod tests {
    use super::{Index, add_texts, drop_texts};

    #[test]
    fn indexes_are_dropped_and_built_again_table_by_table() {
        let index = |table: &str, name: &str, is_unique, columns: &str| Index {
            table: table.to_owned(),
            name: name.to_owned(),
            is_unique,
            columns: columns.to_owned(),
        };
        let indexes = [
            index("ledger_entry", "once", true, "`event_id`, `side`"),
            index("payment", "a", false, "`x`"),
            index("payment", "b", false, "`y`, `z`"),
        ];
        assert_eq!(
            drop_texts(&indexes),
            [
                "ALTER TABLE payment DROP INDEX `a`, DROP INDEX `b`",
                "ALTER TABLE ledger_entry DROP INDEX `once`"
            ]
        );
        assert_eq!(
            add_texts(&indexes),
            [
                "ALTER TABLE payment ADD KEY `a` (`x`), ADD KEY `b` (`y`, `z`)",
                "ALTER TABLE ledger_entry ADD UNIQUE KEY `once` (`event_id`, `side`)"
            ]
        );
    }
}
