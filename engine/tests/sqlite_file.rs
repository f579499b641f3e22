//! The database file: what survives, what is refused, and what operators are told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use payment_actors::contract_tests::scene::{Scene, cancel, capture};
use payment_actors::contract_tests::{PATIENCE, run};
use payment_actors::ports::StoreError;
use payment_actors::ports::event_log::{EventLog, Record};
use payment_actors::ports::journal_store::{AppendOutcome, JournalStore};
use payment_actors::ports::operator_store::OperatorStore;
use payment_actors::ports::outbox_store::OutboxStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_engine::sqlite::{
    DATABASE_FILE, DataDirLock, LockError, Migrated, OpenError, SCHEMA_VERSION, SqliteStore, Upgrade, migrate,
};
use payment_schema::ids::{EventId, MerchantId, Slot};
use payment_schema::text::IdempotencyKey;
use payment_schema::topic::Topic;
use rusqlite::Connection;
use tempfile::TempDir;

fn slot() -> Slot {
    MerchantId::parse("m-1").expect("a short plain merchant id").slot()
}

fn place() -> (PathBuf, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    (directory.path().join("data").join(DATABASE_FILE), directory)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Upgrade::Automatic).expect("the database opens")
}

fn scene(store: &SqliteStore) -> Scene {
    Scene::new(Arc::new(store.clone()))
}

fn record(value: &'static str) -> Record {
    Record {
        topic: Topic::Captured,
        key: "1024".into(),
        event_id: EventId::of_dead_letter(value),
        traceparent: "00-1-1-01".to_owned(),
        payload: value.into(),
    }
}

#[test]
fn everything_is_there_after_closing_and_opening_again() {
    let (path, _directory) = place();
    run(async {
        let store = open(&path);
        let payment = scene(&store).captured("m-1", "k-1").await;
        let log = store.event_log();
        assert_eq!(log.publish(&[record("one")]).await, [Ok(())]);
        let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
        let read = subscription.next(10).await.expect("the log is read");
        subscription.commit(&[read[0].position]).await.expect("the offset is kept");
        let next = store.reserve_sequences(slot(), 10).await.expect("sequences are reserved").end;
        drop((subscription, log, store));
        let wal = path.with_extension("db-wal");
        assert!(!wal.exists(), "the last one to close folds the write-ahead log into the file");

        let store = open(&path);
        let kept = store.payment(payment.id).await.expect("the payment is read");
        assert_eq!(kept.as_ref(), Some(&*payment));
        assert_eq!(store.unpublished(0, 0, 10).await.expect("the outbox is read").len(), 3);
        assert_eq!(store.reserve_sequences(slot(), 1).await.expect("a sequence is reserved").start, next);
        let log = store.event_log();
        assert_eq!(log.publish(&[record("two")]).await, [Ok(())]);
        let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
        let read = subscription.next(10).await.expect("the log is read");
        assert_eq!((read.len(), read[0].position.offset), (1, 1), "behind what the group committed");
    });
}

#[test]
fn of_many_at_the_same_time_one_moves_the_payment() {
    let (path, _directory) = place();
    run(async {
        let store = open(&path);
        let scene = scene(&store);
        let payment = scene.authorized("m-1", "k-1").await;
        let changes: Vec<_> = (0..20)
            .map(|turn| vec![scene.step(&payment, &if turn % 2 == 0 { capture() } else { cancel() })])
            .collect();
        let outcomes =
            futures_util::future::join_all(changes.iter().map(|change| store.append(change))).await;
        let committed = outcomes
            .into_iter()
            .map(|outcome| outcome.expect("the store answers"))
            .filter(|outcome| outcome[..] == [AppendOutcome::Committed])
            .count();
        assert_eq!(committed, 1);
        let kept = store.payment(payment.id).await.expect("the payment is read").expect("it is there");
        assert_eq!(kept.version, payment.version.next());
    });
}

#[test]
fn migrating_twice_changes_nothing_the_second_time() {
    let (path, _directory) = place();
    let migrated = |from| Migrated { from, to: SCHEMA_VERSION };
    assert_eq!(migrate(&path).expect("a new database"), migrated(0));
    assert_eq!(migrate(&path).expect("the same database"), migrated(SCHEMA_VERSION));
}

#[test]
fn unusable_files_are_refused_with_a_remedy_and_left_alone() {
    type Prepare = fn(&Path);
    type Matches = fn(&OpenError) -> bool;
    let cases: [(&str, Prepare, Matches, &str); 5] = [
        (
            "a newer schema",
            |path| {
                migrate(path).expect("a new database");
                execute(path, "PRAGMA user_version = 99");
            },
            |error| matches!(error, OpenError::Newer { found: 99, .. }),
            "use the newer program",
        ),
        (
            "a text file",
            |path| std::fs::write(path, "dear diary. ".repeat(300)).expect("written"),
            |error| matches!(error, OpenError::NotADatabase(_)),
            "is not a database",
        ),
        (
            "another program's database",
            |path| execute(path, "CREATE TABLE bookmarks (url TEXT)"),
            |error| matches!(error, OpenError::Foreign(_)),
            "another program",
        ),
        (
            "a directory",
            |path| std::fs::create_dir(path).expect("created"),
            |error| matches!(error, OpenError::Other { .. }),
            "cannot be opened",
        ),
        (
            "a damaged file",
            |path| {
                migrate(path).expect("a new database");
                let mut bytes = std::fs::read(path).expect("read");
                bytes[..16].fill(0xff);
                std::fs::write(path, bytes).expect("written");
            },
            |error| matches!(error, OpenError::NotADatabase(_)),
            "--data-dir",
        ),
    ];
    for (name, prepare, matches, remedy) in cases {
        let (path, _directory) = place();
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("created");
        prepare(&path);
        let before = std::fs::read(&path).ok();
        let error = SqliteStore::open(&path, Upgrade::Automatic).err().expect(name);
        assert!(matches(&error), "{name}: {error}");
        assert!(error.to_string().contains(remedy), "{name}: {error}");
        assert!(error.to_string().contains("payment.db"), "{name}: {error}");
        assert_eq!(std::fs::read(&path).ok(), before, "{name}");
    }
}

#[test]
fn an_older_schema_waits_for_its_migration_when_that_is_asked_for() {
    let (path, _directory) = place();
    std::fs::create_dir_all(path.parent().expect("it has one")).expect("created");
    execute(&path, "PRAGMA application_id = 0x70617965; PRAGMA user_version = 0;");
    let error = SqliteStore::open(&path, Upgrade::Refused).err().expect("it is refused");
    assert!(matches!(error, OpenError::Older { found: 0, needed: SCHEMA_VERSION, .. }), "{error}");
    assert!(error.to_string().contains("payment-engine migrate"), "{error}");
    let error = SqliteStore::open_read_only(&path).err().expect("it is refused");
    assert!(matches!(error, OpenError::Older { .. }), "{error}");
    migrate(&path).expect("it is migrated");
    SqliteStore::open(&path, Upgrade::Refused).expect("now it opens");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "in the way").expect("written");
    let error = SqliteStore::open(&file.join(DATABASE_FILE), Upgrade::Automatic).err().expect("refused");
    assert!(matches!(error, OpenError::Directory { .. }), "{error}");
    let error = DataDirLock::acquire(&file).expect_err("refused");
    assert!(matches!(error, LockError::Unusable { .. }), "{error}");
}

#[test]
fn a_reader_sees_a_running_engine_and_cannot_write() {
    let (path, _directory) = place();
    let error = SqliteStore::open_read_only(&path).err().expect("there is nothing to read");
    assert!(matches!(error, OpenError::Missing(_)), "{error}");
    assert!(!path.exists(), "looking creates nothing");
    run(async {
        let engine = open(&path);
        let reader = SqliteStore::open_read_only(&path).expect("it opens beside the engine");
        let payment = scene(&engine).captured("m-1", "k-1").await;
        let seen = reader.payment(payment.id).await.expect("the payment is read");
        assert_eq!(seen.as_ref(), Some(&*payment));
        assert_eq!(reader.history(payment.id).await.expect("the history is read").len(), 4);
        let refused = reader.reserve_sequences(slot(), 1).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        let refused = reader.event_log().publish(&[record("one")]).await;
        assert!(refused[0].is_err());

        drop(engine);
        let seen = reader.payment(payment.id).await.expect("the payment is read without the engine too");
        assert_eq!(seen.as_ref(), Some(&*payment));
    });
}

#[test]
fn a_data_directory_has_one_engine() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let place = directory.path().join("new").join("data");
    let held = DataDirLock::acquire(&place).expect("nobody has it");
    let error = DataDirLock::acquire(&place).expect_err("it is taken");
    let holder = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&holder), "{error}");
    assert!(error.to_string().contains("--data-dir"), "{error}");
    drop(held);
    DataDirLock::acquire(&place).expect("it is free again");
}

#[test]
fn nothing_is_committed_to_files_that_are_gone() {
    for gone in ["db", "db-wal"] {
        let (path, _directory) = place();
        run(async {
            let store = open(&path);
            scene(&store).captured("m-1", "k-1").await;
            store.ping().await.expect("a store in its place answers");
            std::fs::remove_file(path.with_extension(gone)).expect("the file is removed");
            for refused in [store.ping().await, store.reserve_sequences(slot(), 1).await.map(drop)] {
                let refused = refused.expect_err("what is gone is not written to");
                assert!(matches!(&refused, StoreError::Unavailable(_)), "{refused}");
                assert!(refused.to_string().contains("was removed or replaced"), "{refused}");
            }
        });
    }
}

#[test]
fn history_cannot_be_changed_even_by_hand() {
    let (path, _directory) = place();
    run(async {
        let store = open(&path);
        let payment = scene(&store).captured("m-1", "k-1").await;
        let movement = payment_schema::ledger::Movement {
            event_id: EventId::of(payment.id, 3),
            payment_id: payment.id,
            operation_no: payment.latest_operation().no,
            debit: payment_schema::ledger::Account("a".to_owned()),
            credit: payment_schema::ledger::Account("b".to_owned()),
            amount: payment.amount,
            currency: payment.currency,
        };
        scene(&store).store.post(&[movement], payment.updated_at).await.expect("the ledger is posted");
    });
    let connection = Connection::open(&path).expect("the file opens");
    connection.execute_batch("PRAGMA foreign_keys = ON").expect("pragma");
    for statement in [
        "UPDATE payment_transition SET to_status = 'REFUNDED'",
        "DELETE FROM payment_transition",
        "UPDATE ledger_entry SET amount = amount + 1",
        "DELETE FROM ledger_entry",
        "DELETE FROM payment",
        "UPDATE payment SET refunded_amount = captured_amount + 1",
    ] {
        connection.execute(statement, []).expect_err(statement);
    }
}

#[test]
fn a_record_written_by_another_program_is_read_as_it_is() {
    let (path, _directory) = place();
    run(async {
        let store = open(&path);
        let log = store.event_log();
        let mut subscription = log.subscribe("g", &[Topic::Captured]).await.expect("the group is joined");
        execute(
            &path,
            "INSERT INTO event_log (topic, partition, offset, key, headers, value)
             VALUES ('payment.captured', 2, 0, NULL, 'no json', x'00ff'), ('payment.captured', 2, 1, 5, '[]', '{')",
        );
        let mut read = Vec::new();
        while read.len() < 2 {
            let next = tokio::time::timeout(PATIENCE, subscription.next(10)).await.expect("in time");
            read.extend(next.expect("the log is read"));
        }
        assert_eq!((read[0].key.clone(), read[0].payload.as_ref()), (None, &[0, 255][..]));
        assert_eq!((read[0].schema_version.clone(), read[0].traceparent.clone()), (None, None));
        assert_eq!((read[1].key.as_deref(), read[1].payload.as_ref()), (Some(&b"5"[..]), &b"{"[..]));
    });
}

#[test]
fn a_row_that_makes_no_sense_is_reported_as_such() {
    let (path, _directory) = place();
    run(async {
        let store = open(&path);
        let payment = scene(&store).ready("m-1", "k-1").await;
        execute(&path, "UPDATE payment SET document = '{}', status = 'LOST'");
        let read = store.payment(payment.id).await;
        assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
        let counts = store.status_counts().await;
        assert!(matches!(&counts, Err(StoreError::Corrupt(why)) if why.contains("LOST")), "{counts:?}");
    });
}

/// Puts keys, outbox and indexes back to what the fifth migration left.
const AS_THE_FIFTH: &str = "
    ALTER TABLE idem_response_cache RENAME TO digested;
    CREATE TABLE idem_response_cache (
        merchant_id TEXT NOT NULL, idem_key TEXT NOT NULL, fingerprint BLOB NOT NULL,
        payment_id INTEGER NOT NULL REFERENCES payment (payment_id), operation TEXT NOT NULL, token INTEGER NOT NULL,
        status_code INTEGER, body BLOB, created_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (merchant_id, idem_key)
    ) STRICT;
    INSERT INTO idem_response_cache
    SELECT merchant_id, idem_key, fingerprint, payment_id, operation, token, status_code, body, created_at
    FROM digested LEFT JOIN idem_answer USING (payment_id, key_digest);
    DROP TABLE digested;
    DROP TABLE idem_answer;
    ALTER TABLE outbox_event RENAME TO placed;
    CREATE TABLE outbox_event (
        position INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, payment_id INTEGER NOT NULL,
        event_seq INTEGER, topic TEXT NOT NULL, payload ANY NOT NULL, trace_id TEXT NOT NULL,
        created_at INTEGER NOT NULL, published_at INTEGER
    ) STRICT;
    INSERT INTO outbox_event
    SELECT position, event_id, payment_id, event_seq, topic, payload, trace_id, created_at, published_at FROM placed;
    UPDATE sqlite_sequence SET seq = 99 WHERE name = 'outbox_event';
    DROP TABLE placed;
    DROP INDEX payment_of_status;
    CREATE INDEX payment_by_merchant_status ON payment (merchant_id, status);
    CREATE INDEX payment_by_merchant ON payment (merchant_id);
    PRAGMA user_version = 5;";

#[test]
fn keys_answers_and_waiting_records_of_the_fifth_schema_are_found() {
    let (path, _directory) = place();
    run(async {
        let store = open(&path);
        let (payment, _) = scene(&store).dead_lettered("m-1", "k-1").await;
        let merchant = MerchantId::parse("m-1").expect("a short plain merchant id");
        let name = IdempotencyKey::parse("k-1").expect("a short plain key");
        let before = store.key(&merchant, &name).await.expect("it is read");
        assert!(before.as_ref().is_some_and(|record| record.answer.is_some()));
        let waiting = store.unpublished(0, 0, 10).await.expect("the outbox is read");
        assert!(waiting.iter().any(|(_, record)| record.event_seq.is_none()), "a letter is among them");
        drop(store);
        execute(&path, AS_THE_FIFTH);

        let store = open(&path);
        assert_eq!(store.key(&merchant, &name).await.expect("it is read"), before);
        assert_eq!(store.payment(payment.id).await.expect("it is read").as_ref(), Some(&*payment));
        assert_eq!(store.unpublished(0, 0, 10).await.expect("the outbox is read"), waiting);
        let records: Vec<_> = waiting.iter().map(|(_, record)| record.key()).collect();
        store.mark_published(0, &records, payment.updated_at).await.expect("the records are marked");
        assert_eq!(store.backlog().await.expect("it answers"), (0, None));
        scene(&store).authorized("m-2", "k-2").await;
        let next = store.unpublished(0, 0, 10).await.expect("the outbox is read");
        assert!(next[0].0 > 99, "behind the positions that were pruned");
    });
}

fn execute(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("the file opens");
    connection.busy_timeout(PATIENCE).expect("pragma");
    connection.execute_batch(sql).expect(sql);
}
