//! Opening a database: what is made, what is refused, and in which words.

use std::path::Path;

use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::JournalStore;
use payment_actors::ports::operator_store::OperatorStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_engine::mariadb::{MariaDbOptions, MariaDbStore, OpenError, SCHEMA_VERSION};
use payment_engine::sqlite::{Migrated, Upgrade};
use sqlx::{Connection, Executor, Row};

use crate::server::{TestDatabase, run, server_url};
use crate::work::{authorization, commit};

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_missing_database_is_made_with_text_that_compares_byte_by_byte() {
    let database = TestDatabase::new();
    let done = MariaDbStore::migrate(database.options()).await.expect("a new database");
    assert_eq!(done, Migrated { from: 0, to: SCHEMA_VERSION });
    let again = MariaDbStore::migrate(database.options()).await.expect("the same database");
    assert_eq!(again, Migrated { from: SCHEMA_VERSION, to: SCHEMA_VERSION });

    let mut connection = database.connect().await;
    let default = run(&mut connection, "SELECT @@collation_database AS name").await;
    assert_eq!(default[0].get::<String, _>("name"), "utf8mb4_nopad_bin");
    let others = "SELECT table_name, column_name, collation_name FROM information_schema.columns
        WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND collation_name <> 'utf8mb4_nopad_bin'";
    assert!(run(&mut connection, others).await.is_empty());
    let money = "SELECT data_type FROM information_schema.columns
        WHERE table_schema = DATABASE() AND column_name LIKE '%amount' AND data_type <> 'bigint'";
    assert!(run(&mut connection, money).await.is_empty());
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn history_is_neither_changed_nor_deleted() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    commit(&store, &[authorization(1, "m-1", "k-1")]).await;
    let mut connection = database.connect().await;
    let keys =
        "SELECT 1 FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()";
    assert!(run(&mut connection, keys).await.is_empty(), "no foreign key could delete anything");
    for text in ["UPDATE payment_transition SET at = 1", "DELETE FROM payment_transition"] {
        let error = connection.execute(text).await.expect_err(text);
        assert!(error.to_string().contains("a transition is never"), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn any_number_may_open_a_new_database_at_the_same_time() {
    let database = TestDatabase::new();
    let opened = futures_util::future::join_all((0..8).map(|_| MariaDbStore::connect(database.options())));
    for store in opened.await {
        store.expect("each finds it as it should be").ping().await.expect("the tables are there");
    }
    let mut connection = database.connect().await;
    let records = run(&mut connection, "SELECT version FROM schema_migration ORDER BY version").await;
    let versions: Vec<i64> = records.iter().map(|row| row.get("version")).collect();
    assert_eq!(versions, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_migration_that_was_cut_short_goes_on() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    let payment = commit(&store, &[authorization(1, "m-1", "k-1")]).await.remove(0);
    let mut connection = database.connect().await;
    // As if the process had died between a migration's statements and its record.
    run(&mut connection, "DELETE FROM schema_migration; DROP TABLE ledger_entry").await;
    let refused = MariaDbStore::connect(database.options().upgrade(Upgrade::Refused)).await.err();
    let refused = refused.expect("it is not to be migrated").to_string();
    assert!(refused.contains("schema version 0") && refused.contains("payment-engine migrate"), "{refused}");

    let store = MariaDbStore::connect(database.options()).await.expect("the statements can be run again");
    assert_eq!(store.payment(payment.id).await.expect("it is read").as_ref(), Some(&*payment));
    assert_eq!(store.ledger_entries(payment.id).await.expect("the table is back"), []);
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn another_programs_schema_is_left_alone() {
    let database = TestDatabase::new();
    MariaDbStore::migrate(database.options()).await.expect("a new database");
    let mut connection = database.connect().await;
    run(&mut connection, "INSERT INTO schema_migration (version, name) VALUES (99, '0099_later')").await;
    for options in
        [database.options(), database.options().upgrade(Upgrade::Refused), database.options().read_only()]
    {
        let error = MariaDbStore::connect(options).await.err().expect("a newer program's");
        assert!(matches!(error, OpenError::Newer { found: 99, known: SCHEMA_VERSION, .. }), "{error}");
    }

    run(&mut connection, "DROP TABLE schema_migration").await;
    for options in [database.options(), database.options().read_only()] {
        let error = MariaDbStore::connect(options).await.err().expect("somebody else's");
        assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_store_for_reading_refuses_writes() {
    let database = TestDatabase::new();
    let missing = MariaDbStore::connect(database.options().read_only()).await.err();
    assert!(matches!(missing, Some(OpenError::Missing(_))), "it makes nothing");

    let writer = MariaDbStore::connect(database.options()).await.expect("a new database");
    let payment = commit(&writer, &[authorization(1, "m-1", "k-1")]).await.remove(0);
    let reader = MariaDbStore::connect(database.options().read_only()).await.expect("it is there");
    assert_eq!(reader.payment(payment.id).await.expect("it is read").as_ref(), Some(&*payment));
    let refused = reader.append(&[authorization(2, "m-1", "k-2")]).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("reading only")));
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn what_is_wrong_is_said_without_the_password() {
    let database = TestDatabase::new();
    let with = |change: &dyn Fn(&mut reqwest::Url)| {
        let mut url = database.url();
        change(&mut url);
        MariaDbOptions::from_url(&url).expect("the address is understood")
    };
    let refused = with(&|url| url.set_password(Some("hunter2")).expect("the url has a host"));
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("a bound port").port();
    drop(free);
    let unreachable = with(&|url| url.set_port(Some(port)).expect("the url has a host"));
    let plain = with(&|url| url.set_query(Some("ssl-mode=verify-identity")));
    for (options, parts) in [
        (refused, ["is refused", "correct user and password"]),
        (unreachable, ["no MariaDB answers", "start it"]),
        (plain, ["no trusted connection", "ssl-ca=FILE"]),
    ] {
        let error = MariaDbStore::connect(options).await.err().expect("it cannot work").to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        assert!(error.contains(&database.name) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_server_on_this_machine_is_reached_by_its_socket() {
    let mut connection = sqlx::MySqlConnection::connect(server_url().as_str()).await.expect("the server");
    let place = run(&mut connection, "SELECT @@datadir AS directory, @@socket AS path").await.remove(0);
    // A relative path is meant from the data directory.
    let socket = Path::new(&place.get::<String, _>("directory")).join(place.get::<String, _>("path"));
    let database = TestDatabase::new();
    let mut url = database.url();
    url.query_pairs_mut().append_pair("socket", &socket.display().to_string());
    let options = MariaDbOptions::from_url(&url).expect("the address is understood");
    let store = MariaDbStore::connect(options).await.expect("the socket is on this machine");
    commit(&store, &[authorization(1, "m-1", "k-1")]).await;
    store.close().await;
    store.ping().await.expect("connections are made again when they are needed");
}
