//! The floor of a MariaDB, in a database of its own that is dropped at the end.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row as _};

use super::outcome::{Case, Form};
use super::work::{Batch, Transaction, Workshop};
use super::{Floor, Way};
use crate::cli::floor::FloorOptions;
use crate::failure::Failure;
use crate::load::Latency;
use crate::rows::{Cell, Dialect, Row, Write};
use crate::store;

/// The engine's own tables.
const TABLES: [&str; 4] = [
    include_str!("../../../schema/mariadb/0001_payments.sql"),
    include_str!("../../../schema/mariadb/0002_outbox.sql"),
    include_str!("../../../schema/mariadb/0003_ledger.sql"),
    include_str!("../../../schema/mariadb/0005_flat.sql"),
];

/// What every connection says first, as the engine's do.
const SETUP: &str =
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',
    autocommit = 1; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// What decides durability and speed.
const SETTINGS: &str =
    "SELECT variable_name AS name, variable_value AS value FROM information_schema.global_variables
    WHERE variable_name IN ('version', 'innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin',
        'innodb_buffer_pool_size', 'innodb_log_file_size', 'innodb_flush_method', 'innodb_doublewrite')";

/// A server with a database for the measurement.
pub(super) struct MariaDb {
    server: MySqlConnectOptions,
    database: String,
    authorizations: usize,
    longest: Duration,
}

impl MariaDb {
    /// Creates the database and its tables.
    pub(super) fn create(
        server: &MySqlConnectOptions,
        run: &str,
        options: &FloorOptions,
    ) -> Result<Self, Failure> {
        let database = format!("payment_floor_{run}");
        let floor = Self {
            server: server.clone(),
            database,
            authorizations: options.authorizations,
            longest: options.longest,
        };
        floor.control(
            "",
            &format!("CREATE DATABASE {} CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", floor.database),
        )?;
        for tables in TABLES {
            floor.control(&floor.database, tables)?;
        }
        Ok(floor)
    }

    /// What the server says of itself.
    pub(super) fn facts(&self) -> Result<BTreeMap<String, String>, Failure> {
        store::runtime()?.block_on(async {
            let mut connection = connect(&self.server, "").await?;
            let rows = connection.fetch_all(SETTINGS).await.map_err(failed)?;
            let pair = |row: &sqlx::mysql::MySqlRow| {
                let name: String = row.try_get("name").map_err(failed)?;
                Ok((name.to_lowercase(), row.try_get("value").map_err(failed)?))
            };
            rows.iter().map(pair).collect()
        })
    }

    /// Removes everything that was made.
    pub(super) fn drop_database(self) -> Result<(), Failure> {
        self.control("", &format!("DROP DATABASE {}", self.database))
    }

    fn control(&self, database: &str, text: &str) -> Result<(), Failure> {
        store::runtime()?.block_on(async {
            let mut connection = connect(&self.server, database).await?;
            // The name of the database is made of letters here, the rest are constants.
            connection.execute(sqlx::raw_sql(AssertSqlSafe(text.to_owned()))).await.map_err(failed)?;
            connection.close().await.map_err(failed)
        })
    }
}

impl Floor for MariaDb {
    fn measure(&mut self, way: Way, workshop: &mut Workshop) -> Result<Case, Failure> {
        let each = (self.authorizations / way.batch / way.connections).max(1);
        let lanes = (0..way.connections).map(|_| workshop.batches(each, way.batch));
        let lanes = lanes.collect::<Result<Vec<_>, Failure>>()?;
        let start = Barrier::new(way.connections);
        let done: Vec<Result<Lane, Failure>> = std::thread::scope(|scope| {
            let begin = |batches| scope.spawn(|| run_lane(self, way.form, batches, &start));
            let lanes: Vec<_> = lanes.into_iter().map(begin).collect();
            let join = |lane: std::thread::ScopedJoinHandle<'_, Result<Lane, Failure>>| {
                lane.join().unwrap_or_else(|_| Err(Failure::new("a connection's thread panicked")))
            };
            lanes.into_iter().map(join).collect()
        });
        let mut all = Lane::default();
        for lane in done {
            let lane = lane?;
            all.batches += lane.batches;
            all.took = all.took.max(lane.took);
            all.transactions.add(&lane.transactions);
        }
        Ok(Case::new(way, all.batches * way.batch, all.took, &all.transactions))
    }
}

/// What one connection did.
#[derive(Default)]
struct Lane {
    batches: usize,
    took: Duration,
    transactions: Latency,
}

/// Writes batches on a connection of its own, until they are all written or time is up. All connections begin
/// together, or none if one of them cannot be made.
fn run_lane(floor: &MariaDb, form: Form, batches: Vec<Batch>, start: &Barrier) -> Result<Lane, Failure> {
    let runtime = store::runtime();
    let connected = runtime.and_then(|runtime| {
        let connection = runtime.block_on(connect(&floor.server, &floor.database))?;
        Ok((runtime, connection))
    });
    let ready = connected.map(|(runtime, connection)| (runtime, connection, sendable(form, batches)));
    start.wait();
    let (runtime, mut connection, batches) = ready?;
    let begun = Instant::now();
    let mut lane = Lane::default();
    for batch in batches {
        for transaction in batch {
            let began = Instant::now();
            runtime.block_on(send(&mut connection, transaction))?;
            lane.transactions.record(began.elapsed());
        }
        lane.batches += 1;
        if begun.elapsed() >= floor.longest {
            break;
        }
    }
    lane.took = begun.elapsed();
    runtime.block_on(connection.close()).map_err(failed)?;
    Ok(lane)
}

/// A transaction ready to be sent.
enum Sendable {
    Text(String),
    Prepared(Transaction),
}

fn sendable(form: Form, batches: Vec<Batch>) -> Vec<[Sendable; 2]> {
    let of = |transaction: Transaction| match form {
        Form::Prepared => Sendable::Prepared(transaction),
        Form::Text => {
            let mut text = "BEGIN".to_owned();
            for (write, rows) in &transaction {
                text.push_str("; ");
                write.with_values(rows, &mut text);
            }
            text.push_str("; COMMIT");
            Sendable::Text(text)
        }
    };
    batches.into_iter().map(|batch| batch.transactions.map(of)).collect()
}

async fn send(connection: &mut MySqlConnection, transaction: Sendable) -> Result<(), Failure> {
    match transaction {
        // Values were written as literals.
        Sendable::Text(text) => {
            connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.map_err(failed)?;
        }
        Sendable::Prepared(transaction) => {
            connection.execute(sqlx::raw_sql("BEGIN")).await.map_err(failed)?;
            for (write, rows) in transaction {
                send_prepared(connection, write, rows).await?;
            }
            connection.execute(sqlx::raw_sql("COMMIT")).await.map_err(failed)?;
        }
    }
    Ok(())
}

async fn send_prepared(
    connection: &mut MySqlConnection,
    write: Write,
    rows: Vec<Row>,
) -> Result<(), Failure> {
    let mut statement = sqlx::query(AssertSqlSafe(write.with_places(Dialect::MariaDb, rows.len())));
    for cell in rows.into_iter().flatten() {
        statement = match cell {
            Cell::Null => statement.bind(None::<i64>),
            Cell::Int(number) => statement.bind(number),
            Cell::Text(text) => statement.bind(text.into_owned()),
            Cell::Bytes(bytes) => statement.bind(bytes),
        };
    }
    connection.execute(statement).await.map(|_| ()).map_err(failed)
}

async fn connect(server: &MySqlConnectOptions, database: &str) -> Result<MySqlConnection, Failure> {
    let server = if database.is_empty() {
        server.clone().database("information_schema")
    } else {
        server.clone().database(database)
    };
    let mut connection = server.connect().await.map_err(Failure::because("the server cannot be reached"))?;
    connection.execute(sqlx::raw_sql(SETUP)).await.map_err(failed)?;
    Ok(connection)
}

fn failed(error: sqlx::Error) -> Failure {
    Failure::because("the server refused")(error)
}
