//! Several at once: who wins, who waits, and what is tried again.

use std::sync::Arc;

use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{AppendOutcome, JournalStore};
use payment_actors::ports::ledger_store::{LedgerStore, PostOutcome};
use payment_actors::ports::outbox_store::OutboxStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_engine::mariadb::{Isolation, MariaDbStore};
use payment_schema::command::{Cancel, Capture, Command};
use payment_schema::ids::{EventId, OperationNo};
use payment_schema::ledger::{Account, Movement};
use payment_schema::payment::{DueKind, Payment};
use payment_schema::text::Reason;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use crate::server::{TestDatabase, run};
use crate::waiters::until_somebody_waits;
use crate::work::{approved, authorization, commit, now, step};

async fn open(database: &TestDatabase) -> MariaDbStore {
    MariaDbStore::connect(database.options()).await.expect("a database")
}

fn capture() -> Command {
    Command::Capture(Capture { amount: None })
}

fn cancel() -> Command {
    Command::Cancel(Cancel { reason: Reason::parse("changed my mind").expect("a plain reason") })
}

async fn authorized(store: &MariaDbStore, sequence: u64) -> Arc<Payment> {
    let ready = commit(store, &[authorization(sequence, "m-1", &format!("k-{sequence}"))]).await.remove(0);
    commit(store, &[step(&ready, &approved(&ready))]).await.remove(0)
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn of_two_processes_that_move_one_payment_one_wins() {
    let database = TestDatabase::new();
    let (first, second) = (open(&database).await, open(&database).await);
    for sequence in 1..=10 {
        let payment = authorized(&first, sequence).await;
        let (one, other) = ([step(&payment, &capture())], [step(&payment, &cancel())]);
        let (one, other) = tokio::join!(first.append(&one), second.append(&other));
        let outcomes = [one.expect("it answers").remove(0), other.expect("it answers").remove(0)];
        assert!(outcomes.contains(&AppendOutcome::Committed), "{outcomes:?}");
        assert!(outcomes.contains(&AppendOutcome::VersionConflict), "{outcomes:?}");
        let history = first.history(payment.id).await.expect("it is read");
        let versions: Vec<u64> = history.iter().map(|transition| transition.version.0).collect();
        assert_eq!(versions, (1..=payment.version.0 + 1).collect::<Vec<_>>());
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn of_many_claims_of_one_key_one_wins() {
    let database = TestDatabase::new();
    let stores = [open(&database).await, open(&database).await];
    let batches: Vec<_> = (1..=20).map(|sequence| [authorization(sequence, "m-1", "k-1")]).collect();
    let appends = batches.iter().enumerate().map(|(turn, batch)| stores[turn % 2].append(batch));
    let outcomes: Vec<AppendOutcome> = futures_util::future::join_all(appends)
        .await
        .into_iter()
        .map(|outcomes| outcomes.expect("it answers").remove(0))
        .collect();
    let winner = outcomes.iter().position(|outcome| *outcome == AppendOutcome::Committed).expect("a winner");
    let winner = batches[winner][0].payment.id;
    let losers = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, AppendOutcome::KeyTaken(record) if record.payment_id == winner));
    assert_eq!(losers.count(), 19, "{outcomes:?}");
    let counts = stores[0].unpublished(0, 0, 10).await.expect("it is read");
    assert!(counts.is_empty(), "nothing of the losers remains");
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn conflicts_drop_out_of_a_large_batch_alone() {
    let database = TestDatabase::new();
    let store = open(&database).await;
    let stale = authorized(&store, 1).await;
    commit(&store, &[step(&stale, &capture())]).await;
    let fresh = authorized(&store, 2).await;

    let mut batch: Vec<_> = (100..400)
        .map(|number| authorization(number, &format!("m-{}", number % 7), &format!("k-{number}")))
        .collect();
    batch[150] = step(&stale, &cancel());
    batch[151] = step(&fresh, &capture());
    // A key that was taken before, and one that the same batch takes twice.
    batch[7] = authorization(500, "m-1", "k-1");
    batch[299] = authorization(501, "m-2", "k-100");
    let outcomes = store.append(&batch).await.expect("it answers");
    for (place, outcome) in outcomes.iter().enumerate() {
        let as_expected = match place {
            7 | 299 => matches!(outcome, AppendOutcome::KeyTaken(_)),
            150 => *outcome == AppendOutcome::VersionConflict,
            _ => *outcome == AppendOutcome::Committed,
        };
        assert!(as_expected, "{place}: {outcome:?}");
    }
    let again = store.append(&batch[..2]).await.expect("it answers");
    assert_eq!(
        again,
        [AppendOutcome::VersionConflict, AppendOutcome::VersionConflict],
        "they are there already"
    );
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_claim_waits_for_whoever_is_about_to_take_the_key() {
    let database = TestDatabase::new();
    let store = open(&database).await;
    let owner = authorization(1, "m-1", "k-1");
    for (ending, is_committed) in [("ROLLBACK", true), ("COMMIT", false)] {
        let key = if is_committed { "k-rolled-back" } else { "k-committed" };
        let batch = [authorization(if is_committed { 2 } else { 3 }, "m-1", key)];
        let mut other = database.connect().await;
        let claim = format!(
            "BEGIN; INSERT INTO idem_response_cache
                 (key_digest, merchant_id, idem_key, fingerprint, payment_id, operation, token)
             VALUES (UNHEX(LEFT(SHA2(CONCAT('m-1', CHAR(0), '{key}'), 256), 32)),
                 'm-1', '{key}', REPEAT('x', 32), {}, 'authorize', 7)",
            owner.payment.id
        );
        run(&mut other, &claim).await;
        let (outcomes, ()) = tokio::join!(store.append(&batch), async {
            until_somebody_waits(&database).await;
            run(&mut other, ending).await;
        });
        let outcome = outcomes.expect("it answers").remove(0);
        assert_eq!(outcome == AppendOutcome::Committed, is_committed, "{ending}: {outcome:?}");
    }
}

/// Makes the next inserts into a table fail with an error number, and counts them in a table that no rollback empties.
async fn fail_inserts(connection: &mut MySqlConnection, table: &str, number: u16, times: u32) {
    let texts = format!(
        "CREATE TABLE tries (made INT NOT NULL) ENGINE = Aria TRANSACTIONAL = 0;
         INSERT INTO tries VALUES (0);
         CREATE TRIGGER fails BEFORE INSERT ON {table} FOR EACH ROW BEGIN
             UPDATE tries SET made = made + 1;
             IF (SELECT made FROM tries) <= {times} THEN
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'as told';
             END IF;
         END"
    );
    run(connection, &texts).await;
}

async fn tries(connection: &mut MySqlConnection) -> i32 {
    run(connection, "SELECT made FROM tries").await[0].get("made")
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_batch_that_others_are_in_the_way_of_is_tried_again_within_bounds() {
    for number in [1020, 1205, 1213] {
        for (failures, made) in [(2, 3), (100, 5)] {
            let database = TestDatabase::new();
            let store = open(&database).await;
            let mut connection = database.connect().await;
            fail_inserts(&mut connection, "payment_transition", number, failures).await;
            let batch = [authorization(1, "m-1", "k-1")];
            let outcome = store.append(&batch).await;
            assert_eq!(tries(&mut connection).await, made, "{number}");
            let read = store.payment(batch[0].payment.id).await.expect("it is read");
            if failures == 2 {
                assert_eq!(outcome.expect("the third goes well"), [AppendOutcome::Committed]);
                assert!(read.is_some());
            } else {
                assert!(matches!(&outcome, Err(StoreError::Unavailable(why)) if why.contains("in the way")));
                assert_eq!(read, None, "every try was undone");
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn what_would_not_help_is_not_tried_again() {
    let database = TestDatabase::new();
    let store = open(&database).await;
    let mut connection = database.connect().await;
    fail_inserts(&mut connection, "payment_transition", 1114, 100).await;
    let outcome = store.append(&[authorization(1, "m-1", "k-1")]).await;
    assert!(
        matches!(&outcome, Err(StoreError::Unavailable(why)) if why.contains("free disk")),
        "{outcome:?}"
    );
    assert_eq!(tries(&mut connection).await, 1);
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_lock_is_waited_for_and_a_deadlock_survived() {
    let database = TestDatabase::new();
    let store = open(&database).await;
    let (low, high) = (authorized(&store, 1).await, authorized(&store, 2).await);
    let mut other = database.connect().await;
    // The store takes the lower one and waits for the higher; the other one, which has more to undo and so is
    // spared, then wants the lower.
    let hold = format!(
        "CREATE TABLE heavy (n INT PRIMARY KEY); BEGIN; INSERT INTO heavy SELECT seq FROM seq_1_to_500;
         SELECT 1 FROM payment WHERE payment_id = {} FOR UPDATE",
        high.id
    );
    run(&mut other, &hold).await;
    let batch = [step(&low, &capture()), step(&high, &capture())];
    let (outcomes, ()) = tokio::join!(store.append(&batch), async {
        until_somebody_waits(&database).await;
        let entangle = format!("SELECT 1 FROM payment WHERE payment_id = {} FOR UPDATE; COMMIT", low.id);
        run(&mut other, &entangle).await;
    });
    assert_eq!(
        outcomes.expect("the next try goes well"),
        [AppendOutcome::Committed, AppendOutcome::Committed]
    );
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_row_that_changed_under_a_snapshot_is_read_again() {
    let database = TestDatabase::new();
    let store = open(&database).await;
    let payment = authorized(&store, 1).await;
    let mut other = database.connect().await;
    // Servers that know it may have it on; a session takes it over from the server when it begins.
    run(&mut other, "SET GLOBAL innodb_snapshot_isolation = ON").await;
    let options = database.options().isolation(Isolation::RepeatableRead);
    let in_snapshots = MariaDbStore::connect(options).await.expect("the same database");
    // Posting reads the ledger, which opens its snapshot, and is then held in front of its first insert.
    let gate = "CREATE TRIGGER held BEFORE INSERT ON ledger_entry FOR EACH ROW BEGIN
        DO GET_LOCK(DATABASE(), 10);
        DO RELEASE_LOCK(DATABASE());
        UPDATE payment SET updated_at = updated_at WHERE payment_id = NEW.payment_id;
    END;
    DO GET_LOCK(DATABASE(), 10)";
    run(&mut other, gate).await;
    let movement = Movement {
        event_id: EventId::of(payment.id, 1),
        payment_id: payment.id,
        operation_no: OperationNo(2),
        debit: Account::merchant_receivable(&payment.merchant_id, payment.currency),
        credit: Account::cash(&payment.merchant_id, payment.currency),
        amount: payment.amount,
        currency: payment.currency,
    };
    let movements = [movement];
    let (posted, moved) = tokio::join!(in_snapshots.post(&movements, now()), async {
        until_somebody_waits(&database).await;
        let moved = commit(&store, &[step(&payment, &capture())]).await.remove(0);
        run(&mut other, "DO RELEASE_LOCK(DATABASE())").await;
        moved
    });
    run(&mut other, "SET GLOBAL innodb_snapshot_isolation = DEFAULT").await;
    assert_eq!(posted.expect("the next try sees the present"), [PostOutcome::Posted]);
    assert_eq!(store.ledger_entries(payment.id).await.expect("it is read").len(), 1);
    assert_eq!(store.payment(payment.id).await.expect("it is read").as_ref(), Some(&*moved));
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn sweeps_pass_over_what_others_are_at() {
    let database = TestDatabase::new();
    let stores = [open(&database).await, open(&database).await];
    let batch: Vec<_> =
        (1..=60).map(|sequence| authorization(sequence, "m-1", &format!("k-{sequence}"))).collect();
    let payments = commit(&stores[0], &batch).await;
    let later = now().plus(std::time::Duration::from_secs(24 * 60 * 60));
    let lease = later.plus(std::time::Duration::from_secs(30));

    let mut other = database.connect().await;
    let held = format!("BEGIN; SELECT 1 FROM payment WHERE payment_id = {} FOR UPDATE", payments[0].id);
    run(&mut other, &held).await;
    let claims = (0..6).map(|turn| stores[turn % 2].claim_due(&DueKind::ALL, later, lease, 20));
    let claimed = futures_util::future::join_all(claims).await;
    run(&mut other, "COMMIT").await;

    let mut ids: Vec<_> = claimed.into_iter().flat_map(|page| page.expect("nobody waits")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "none was claimed twice");
    assert!(!ids.contains(&payments[0].id), "a payment that is being moved is left alone");
    let rest = stores[0].claim_due(&DueKind::ALL, later, lease, 100).await.expect("it answers");
    assert_eq!(rest.len(), payments.len() - count, "what was passed over is there for the next");
}
