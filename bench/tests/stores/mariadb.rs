//! MariaDB databases, on the server that `compose/native env` tells of.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row};

use super::{COURSES, ROWS, bench};

const TABLES: [&str; 4] = [
    include_str!("../../../schema/mariadb/0001_payments.sql"),
    include_str!("../../../schema/mariadb/0002_outbox.sql"),
    include_str!("../../../schema/mariadb/0003_ledger.sql"),
    include_str!("../../../schema/mariadb/0005_flat.sql"),
];

/// The server without a database, as a URL up to its last slash.
fn server() -> String {
    let of = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; see compose/native env"))
    };
    let [host, port] = ["PAYMENT_DB_HOST", "PAYMENT_DB_PORT"].map(of);
    let [user, password] = ["PAYMENT_DB_USER", "PAYMENT_DB_PASSWORD"].map(of);
    format!("mysql://{user}:{password}@{host}:{port}/")
}

async fn connect(url: &str) -> MySqlConnection {
    let options: MySqlConnectOptions = url.parse().expect("a url");
    options.connect().await.expect("the server answers")
}

async fn run(connection: &mut MySqlConnection, text: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(text.to_owned()))).await.expect("a statement runs");
}

async fn number(connection: &mut MySqlConnection, sql: &str) -> i64 {
    connection.fetch_one(AssertSqlSafe(sql.to_owned())).await.expect(sql).try_get(0).expect("a number")
}

/// The table's secondary indexes.
const INDEXES: &str = "
    SELECT CAST(COUNT(DISTINCT table_name, index_name, non_unique) AS INTEGER)
    FROM information_schema.statistics WHERE table_schema = DATABASE()";

#[test]
#[ignore = "needs a MariaDB: compose/native up"]
fn a_database_is_filled_with_payments_that_have_ended() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (server, database) = (server(), format!("bench_fill_{}", std::process::id()));
    let url = format!("{server}{database}");
    let before = runtime.block_on(async {
        let mut connection = connect(&server).await;
        run(&mut connection, &format!("CREATE DATABASE {database}")).await;
        let mut connection = connect(&url).await;
        for tables in TABLES {
            run(&mut connection, tables).await;
        }
        number(&mut connection, INDEXES).await
    });
    bench(&["fill", "--store-url", &url, "--payments", "40", "--course", COURSES, "--events"]);
    runtime.block_on(async {
        let mut connection = connect(&url).await;
        for (table, rows) in ROWS {
            assert_eq!(
                number(&mut connection, &format!("SELECT COUNT(*) FROM {table}")).await,
                rows,
                "{table}"
            );
        }
        assert_eq!(number(&mut connection, INDEXES).await, before);
        assert_eq!(number(&mut connection, "SELECT next_sequence FROM payment_sequence").await, 41);
        run(&mut connection, &format!("DROP DATABASE {database}")).await;
    });
}

#[test]
#[ignore = "needs a MariaDB: compose/native up"]
fn the_floor_leaves_no_database_behind() {
    let server = server();
    let words = bench(&[
        "floor",
        "--store-url",
        &server,
        "--authorizations",
        "20",
        "--batches",
        "2,5",
        "--connections",
        "1,2",
    ]);
    assert!(
        words.contains("floor of mariadb") && words.contains("innodb_flush_log_at_trx_commit = "),
        "{words}"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let left = runtime.block_on(async {
        let mut connection = connect(&server).await;
        let count =
            "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'payment_floor_%'";
        number(&mut connection, count).await
    });
    assert_eq!(left, 0);
}
