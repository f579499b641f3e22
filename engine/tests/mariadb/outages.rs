//! A server that stops answering, breaks or loses an answer: every call ends within seconds and says what is known,
//! and the store goes on when the server does.

use std::time::Duration;

use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{AppendOutcome, JournalStore};
use payment_actors::ports::operator_store::OperatorStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_engine::mariadb::MariaDbStore;
use sqlx::Row;
use tokio::time::{Instant, timeout};

use crate::proxy::Proxy;
use crate::server::{TestDatabase, run};
use crate::waiters::until_somebody_waits;
use crate::work::{approved, authorization, commit, merchant_id, step};

/// No call takes longer, whatever the server does.
const SECONDS: Duration = Duration::from_secs(12);

async fn store_behind_proxy(database: &TestDatabase) -> (MariaDbStore, Proxy) {
    let proxy = Proxy::to(&database.url()).await;
    let store = MariaDbStore::connect(proxy.options(&database.url())).await.expect("a new database");
    (store, proxy)
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_frozen_server_makes_calls_fail_in_seconds_and_is_used_again() {
    let database = TestDatabase::new();
    let (store, proxy) = store_behind_proxy(&database).await;
    let ready = commit(&store, &[authorization(1, "m-1", "k-1")]).await.remove(0);
    proxy.freeze();

    let begun = Instant::now();
    let batch = [authorization(2, "m-1", "k-2")];
    let calls = async {
        tokio::join!(
            store.payment(ready.id),
            store.append(&batch),
            store.ping(),
            store.reserve_sequences(merchant_id("m-1").slot(), 10)
        )
    };
    let (read, appended, ping, reserved) = timeout(SECONDS, calls).await.expect("they end by themselves");
    assert!(begun.elapsed() < SECONDS);
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(appended, Err(StoreError::Unavailable(_))), "no commit was sent: {appended:?}");
    assert!(matches!(ping, Err(StoreError::Unavailable(_))), "{ping:?}");
    assert!(matches!(reserved, Err(StoreError::Unavailable(_))), "{reserved:?}");

    proxy.thaw();
    assert_eq!(store.payment(ready.id).await.expect("the server answers").as_ref(), Some(&*ready));
    assert_eq!(store.append(&batch).await.expect("the server answers"), [AppendOutcome::Committed]);
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn more_callers_than_connections_all_hear_of_a_frozen_server() {
    let database = TestDatabase::new();
    let proxy = Proxy::to(&database.url()).await;
    let options = proxy.options(&database.url()).connections(2);
    let store = MariaDbStore::connect(options).await.expect("a new database");
    store.ping().await.expect("the server answers");
    proxy.freeze();
    let calls = futures_util::future::join_all((0..20).map(|_| store.ping()));
    let answers = timeout(SECONDS, calls).await.expect("they end by themselves");
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))), "{answers:?}");
    proxy.thaw();
    let calls = futures_util::future::join_all((0..20).map(|_| store.ping()));
    assert!(calls.await.iter().all(Result::is_ok), "the pool is whole again");
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_commit_whose_answer_is_lost_is_found_by_its_mark() {
    let database = TestDatabase::new();
    let (store, proxy) = store_behind_proxy(&database).await;
    let batch = [authorization(1, "m-1", "k-1"), authorization(2, "m-2", "k-1")];
    proxy.lose_commits(true);
    let lost = timeout(SECONDS, store.append(&batch)).await.expect("it ends by itself");
    assert!(matches!(lost, Err(StoreError::OutcomeUnknown(_))), "{lost:?}");

    proxy.lose_commits(false);
    let never_sent = authorization(3, "m-1", "k-3");
    let marks = [batch[0].mark(), never_sent.mark(), batch[1].mark()];
    assert_eq!(store.committed(&marks).await.expect("the server answers"), [true, false, true]);
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_look_up_waits_for_a_transaction_that_has_not_ended() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    let append = authorization(1, "m-1", "k-1");
    let mut other = database.connect().await;
    let row = format!(
        "BEGIN; INSERT INTO payment_transition (payment_id, version, to_status, cause, operation_no, attempt,
            trace_id, token, at) VALUES ({}, 1, 'READY', 'api', 1, 1, '{}', {}, 1)",
        append.payment.id,
        "0".repeat(31) + "1",
        append.token.cast_signed()
    );
    run(&mut other, &row).await;
    let marks = [append.mark()];
    let (found, ()) = tokio::join!(store.committed(&marks), async {
        until_somebody_waits(&database).await;
        run(&mut other, "COMMIT").await;
    });
    assert_eq!(found.expect("the server answers"), [true], "it was not taken for one that never was");
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn broken_connections_are_not_noticed_by_callers() {
    let database = TestDatabase::new();
    let (store, proxy) = store_behind_proxy(&database).await;
    let mut payment = commit(&store, &[authorization(1, "m-1", "k-1")]).await.remove(0);
    // Fills both pools, so that every idle connection is a broken one.
    for _ in 0..3 {
        let reads = futures_util::future::join_all((0..8).map(|_| store.payment(payment.id)));
        assert!(reads.await.iter().all(Result::is_ok));
        proxy.cut();
        assert_eq!(store.payment(payment.id).await.expect("another connection").as_ref(), Some(&*payment));
    }
    proxy.cut();
    payment = commit(&store, &[step(&payment, &approved(&payment))]).await.remove(0);
    assert_eq!(store.payment(payment.id).await.expect("another connection").as_ref(), Some(&*payment));
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn killed_connections_are_replaced() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    let payment = commit(&store, &[authorization(1, "m-1", "k-1")]).await.remove(0);
    let mut killer = database.connect().await;
    for _ in 0..2 {
        let own =
            "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        let ids: Vec<i64> = run(&mut killer, own).await.iter().map(|row| row.get("id")).collect();
        assert!(!ids.is_empty());
        for id in ids {
            run(&mut killer, &format!("KILL {id}")).await;
        }
        assert_eq!(store.payment(payment.id).await.expect("another connection").as_ref(), Some(&*payment));
        store.reserve_sequences(merchant_id("m-1").slot(), 1).await.expect("another connection");
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_caller_that_goes_away_leaves_no_transaction_behind() {
    let database = TestDatabase::new();
    let (store, proxy) = store_behind_proxy(&database).await;
    let ready = commit(&store, &[authorization(1, "m-1", "k-1")]).await.remove(0);
    let batch = [step(&ready, &approved(&ready))];
    for millis in [0, 1, 2, 3, 5, 8] {
        // However far it came: the next one finds no lock of it.
        let dropped = timeout(Duration::from_millis(millis), store.append(&batch)).await;
        if let Ok(outcome) = dropped {
            assert_eq!(outcome.expect("the server answers").len(), 1);
        }
    }
    let outcome = timeout(SECONDS, store.append(&batch)).await.expect("no lock is left").expect("it answers");
    let read = store.payment(ready.id).await.expect("the server answers").expect("it is there");
    assert_eq!(read, *batch[0].payment, "{outcome:?}");
    drop(proxy);
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_server_that_is_away_is_said_to_be_at_once() {
    let database = TestDatabase::new();
    let (store, proxy) = store_behind_proxy(&database).await;
    proxy.go_away().await;
    let begun = Instant::now();
    let read = store.ping().await;
    assert!(matches!(&read, Err(StoreError::Unavailable(why)) if why.contains("no connection")), "{read:?}");
    let append = store.append(&[authorization(1, "m-1", "k-1")]).await;
    assert!(matches!(append, Err(StoreError::Unavailable(_))), "{append:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody waits for a server that refuses");
}
