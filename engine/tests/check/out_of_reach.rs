//! Sources that cannot be read: one clear sentence each.

use std::net::TcpListener;
use std::path::PathBuf;

use payment_engine::check::{self, Evidence, PgRecord, World};
use payment_engine::kafka::KafkaSettings;
use payment_engine::mariadb::MariaDbOptions;
use payment_engine::sqlite::migrate;
use payment_schema::time::Timestamp;
use reqwest::Url;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::books::Books;
use crate::server::{TestDatabase, run};

/// Why a check of this world fails.
async fn refusal(world: World) -> String {
    let tried = tokio::task::spawn_blocking(move || {
        let evidence = Evidence::open(world, |_| {})?;
        check::run(&evidence, &PgRecord::File(PathBuf::from("no-such-file")), Timestamp::from_micros(0))
    });
    tried.await.expect("it ends").expect_err("it fails").to_string()
}

/// An address where nobody listens.
fn nowhere() -> String {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    taken.local_addr().expect("an address").to_string()
}

fn kafka(bootstrap: String) -> KafkaSettings {
    KafkaSettings { bootstrap, ..KafkaSettings::default() }
}

fn assert_says(said: &str, words: &[&str]) {
    assert!(words.iter().all(|word| said.contains(word)) && !said.contains('\n'), "{words:?}: {said}");
}

#[tokio::test]
async fn files_that_are_not_this_programs_are_refused() {
    let dir = TempDir::new().expect("a folder");
    let database = dir.path().join("payment.db");
    let world = || World::Embedded { database: database.clone(), topics: None };
    assert_says(&refusal(world()).await, &["no database", "--data-dir"]);
    migrate(&database).expect("a store");
    for (version, words) in [(99, "use the newer program"), (1, "payment-engine migrate")] {
        let file = Connection::open(&database).expect("the file");
        file.pragma_update(None, "user_version", version).expect("it is changed");
        drop(file);
        assert_says(&refusal(world()).await, &["schema version", words]);
    }
}

#[tokio::test]
async fn servers_that_do_not_answer_are_named() {
    let address = nowhere();
    let url = Url::parse(&format!("mysql://u:hunter2@{address}/paydb")).expect("a url");
    let databases = vec![MariaDbOptions::from_url(&url).expect("it is understood")];
    let said = refusal(World::Servers { databases, topics: kafka(nowhere()) }).await;
    assert_says(&said, &[&address, "no MariaDB answers", "store.url"]);
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn brokers_that_do_not_answer_are_named() {
    let dir = TempDir::new().expect("a folder");
    let database = dir.path().join("payment.db");
    migrate(&database).expect("a store");
    let address = nowhere();
    let said = refusal(World::Embedded { database, topics: Some(kafka(address.clone())) }).await;
    assert_says(&said, &[&address, "kafka", "broker.bootstrap"]);
}

#[tokio::test]
#[ignore = "needs MariaDB and Kafka: set PAYMENT_DB_HOST and KAFKA_BOOTSTRAP_SERVERS, run with --include-ignored"]
async fn databases_and_topics_that_are_not_there_are_named() {
    let books = Books::real(1).await;
    let World::Servers { databases, topics } = books.world() else { panic!("servers") };

    let missing = TestDatabase::new();
    let said = refusal(World::Servers { databases: vec![missing.options()], topics: topics.clone() }).await;
    assert_says(&said, &["no database", &missing.name, "payment-engine migrate"]);

    let elsewhere = KafkaSettings { topic_prefix: "elsewhere.".to_owned(), ..topics.clone() };
    let said = refusal(World::Servers { databases: databases.clone(), topics: elsewhere }).await;
    assert_says(&said, &["elsewhere.payment.authorized and 12 more topics", "broker.topic_prefix"]);

    for (version, words) in [("99", "use the newer program"), ("0", "payment-engine migrate")] {
        let database = TestDatabase::new();
        payment_engine::mariadb::MariaDbStore::migrate(database.options()).await.expect("a database");
        let mut connection = database.connect().await;
        run(&mut connection, &format!("DELETE FROM schema_migration; INSERT INTO schema_migration (version, name) VALUES ({version}, 'x')"))
            .await;
        let world = World::Servers { databases: vec![database.options()], topics: topics.clone() };
        assert_says(&refusal(world).await, &["schema version", words]);
    }
}
