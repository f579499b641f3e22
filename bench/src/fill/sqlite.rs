//! Filling a SQLite file: one writer, one great transaction without a journal.
//!
//! A fill that is cut short leaves a file of no use; the engine's durability is not wanted here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use payment_schema::topic::Topic;
use rusqlite::{Connection, OpenFlags, params, params_from_iter};

use super::chunk::{Chunk, LogRecord, Plan};
use super::{Chunks, Counter, plan};
use crate::cli::fill::FillOptions;
use crate::failure::Failure;
use crate::rows::{Dialect, Table, Write};
use crate::terminal;

/// The engine's consumer group of the ledger: what it would have posted is in the tables already.
const LEDGER_GROUP: &str = "payment-ledger";

/// Topics it reads.
const LEDGER_TOPICS: [Topic; 2] = [Topic::Captured, Topic::Refunded];

/// Chunks that may wait for the writer.
const QUEUE: usize = 4;

/// The next offset of each partition.
type Offsets = BTreeMap<(Topic, u32), i64>;

/// Writes the payments.
pub(super) fn fill(path: &Path, options: &FillOptions) -> Result<(), Failure> {
    let connection = open(path, options.cache_mib)?;
    let sequences = reserve(&connection, options.payments)?;
    let mut offsets = offsets(&connection)?;
    if options.events {
        check_ledger(&connection, &offsets)?;
    }
    let indexes = indexes(&connection)?;
    indexes.iter().try_for_each(|(name, _)| run(&connection, &format!("DROP INDEX \"{name}\"")))?;
    run(&connection, "BEGIN EXCLUSIVE")?;
    let plan = plan(options, Dialect::Sqlite, &sequences);
    let (chunks, counter) = (Chunks::new(&sequences), Counter::new(options.payments));
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel(QUEUE);
        let (plan, chunks) = (&plan, &chunks);
        scope.spawn(move || make(plan, chunks, &send));
        write_all(&connection, receive, &mut offsets, &counter)
    })?;
    terminal::note("building the indexes again");
    indexes.iter().try_for_each(|(_, text)| run(&connection, text))?;
    keep_ledger_offsets(&connection, &offsets)?;
    run(&connection, "COMMIT; ANALYZE; PRAGMA journal_mode = WAL")
}

fn open(path: &Path, cache_mib: u32) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| {
        Failure::new(format!(
            "{} cannot be opened: {error}; make it first with payment-engine migrate",
            path.display()
        ))
    })?;
    connection.set_prepared_statement_cache_capacity(64);
    let setup = format!(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         PRAGMA foreign_keys = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -{};",
        u64::from(cache_mib) * 1_024
    );
    connection.execute_batch(&setup).map_err(Failure::because(format!(
        "{} is held by another process or is no database; stop the engine first",
        path.display()
    )))?;
    Ok(connection)
}

/// Draws sequence numbers as engines do, so that theirs go on behind these.
fn reserve(connection: &Connection, count: u64) -> Result<Range<u64>, Failure> {
    const SQL: &str = "
        UPDATE payment_sequence SET next_sequence = next_sequence + ?1 WHERE only_row = 1
        RETURNING next_sequence";
    let number = i64::try_from(count).map_err(Failure::because("too many payments"))?;
    let end: i64 = connection.query_row(SQL, [number], |row| row.get(0)).map_err(Failure::because(
        "no payment ids can be reserved; stop the engine, or make the tables with payment-engine migrate",
    ))?;
    let end = u64::try_from(end).map_err(Failure::because("payment_sequence is unreadable"))?;
    Ok(end.saturating_sub(count)..end)
}

/// Names and texts of the indexes that can be built again.
fn indexes(connection: &Connection) -> Result<Vec<(String, String)>, Failure> {
    const SQL: &str =
        "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let mut statement = connection.prepare(SQL).map_err(failed)?;
    let rows = statement
        .query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })
        .map_err(failed)?;
    let all = rows.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let filled = |table: &str| Table::ALL.into_iter().any(|known| known.name() == table);
    Ok(all.into_iter().filter(|(_, table, _)| filled(table)).map(|(name, _, sql)| (name, sql)).collect())
}

/// Makes chunks until there are no more, or nobody takes them.
fn make(plan: &Plan, chunks: &Chunks, send: &SyncSender<Result<Chunk, Failure>>) {
    while let Some(sequences) = chunks.take() {
        if send.send(plan.chunk(sequences)).is_err() {
            return;
        }
    }
}

fn write_all(
    connection: &Connection,
    chunks: Receiver<Result<Chunk, Failure>>,
    offsets: &mut Offsets,
    counter: &Counter,
) -> Result<(), Failure> {
    for chunk in chunks {
        let chunk = chunk?;
        for (table, rows) in &chunk.rows {
            let text = Write::Insert(*table).with_places(Dialect::Sqlite, 1);
            let mut statement = connection.prepare_cached(&text).map_err(failed)?;
            for row in rows {
                statement.execute(params_from_iter(row)).map_err(failed)?;
            }
        }
        write_log(connection, &chunk.log, offsets)?;
        counter.add(chunk.payments);
    }
    Ok(())
}

fn write_log(connection: &Connection, log: &[LogRecord], offsets: &mut Offsets) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO event_log (topic, partition, offset, key, headers, value, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = connection.prepare_cached(SQL).map_err(failed)?;
    for record in log {
        let partition = record.topic.partition_of(record.key.as_bytes());
        let offset = offsets.entry((record.topic, partition)).or_insert(0);
        let values = params![
            record.topic.as_str(),
            partition,
            *offset,
            record.key,
            record.headers,
            record.value,
            record.at
        ];
        statement.execute(values).map_err(failed)?;
        *offset += 1;
    }
    Ok(())
}

/// Where each partition ends.
fn offsets(connection: &Connection) -> Result<Offsets, Failure> {
    const SQL: &str = "SELECT topic, partition, max(offset) + 1 FROM event_log GROUP BY topic, partition";
    let mut statement = connection.prepare(SQL).map_err(failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?, row.get::<_, i64>(2)?)))
        .map_err(failed)?;
    let mut offsets = Offsets::new();
    for row in rows {
        let (topic, partition, end) = row.map_err(failed)?;
        offsets.extend(Topic::parse(&topic).map(|topic| ((topic, partition), end)));
    }
    Ok(offsets)
}

/// The partitions that the ledger reads, with their ends.
fn ledger_partitions(offsets: &Offsets) -> impl Iterator<Item = (&(Topic, u32), &i64)> {
    offsets.iter().filter(|((topic, _), _)| LEDGER_TOPICS.contains(topic))
}

/// Moving the ledger's offsets would skip what it has not read.
fn check_ledger(connection: &Connection, offsets: &Offsets) -> Result<(), Failure> {
    const SQL: &str = "
        SELECT coalesce(max(next_offset), 0) FROM consumer_offset
        WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3";
    for ((topic, partition), end) in ledger_partitions(offsets) {
        let next: i64 = connection
            .query_row(SQL, params![LEDGER_GROUP, topic.as_str(), partition], |row| row.get(0))
            .map_err(failed)?;
        if next < *end {
            return Err(Failure::new(
                "the ledger has records to read; start the engine until it has read them, then stop it",
            ));
        }
    }
    Ok(())
}

fn keep_ledger_offsets(connection: &Connection, offsets: &Offsets) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO consumer_offset (consumer_group, topic, partition, next_offset) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET next_offset = excluded.next_offset";
    for ((topic, partition), end) in ledger_partitions(offsets) {
        connection.execute(SQL, params![LEDGER_GROUP, topic.as_str(), partition, end]).map_err(failed)?;
    }
    Ok(())
}

fn run(connection: &Connection, text: &str) -> Result<(), Failure> {
    connection.execute_batch(text).map_err(failed)
}

fn failed(error: rusqlite::Error) -> Failure {
    Failure::because("the file refused")(error)
}
