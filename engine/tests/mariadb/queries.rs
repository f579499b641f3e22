//! Every statement of the store finds its rows by an index.
//!
//! The statements are not listed here: the server's general log tells which ones a store sends while all of its
//! methods are called on 10,000 payments, and each of them is explained. On few rows, or without statistics, the
//! server scans tables although an index is there.

use std::collections::BTreeSet;

use payment_actors::ports::Store;
use payment_actors::ports::journal_store::{Append, AuditEntry};
use payment_actors::ports::payment_store::PaymentFilter;
use payment_engine::mariadb::MariaDbStore;
use payment_schema::api_key::{ApiKey, KeyDigest, KeyScope};
use payment_schema::command::{Capture, Command};
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{EventId, OperationNo, PaymentId};
use payment_schema::ledger::{Account, Movement};
use payment_schema::operation::OperationKind;
use payment_schema::payment::{DueKind, Payment};
use payment_schema::status::Status;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use serde_json::json;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use crate::server::{TestDatabase, run};
use crate::work::{approved, authorization, commit, key, merchant_id, now, step};

const PAYMENTS: u64 = 10_000;
const TABLES: &str =
    "payment, payment_transition, idem_response_cache, idem_answer, settlement_request, refund_request,
    outbox_event, dead_letter, audit, ledger_entry, api_key";

/// One row each, for ever.
const DO_NOT_GROW: [&str; 2] = ["payment_sequence", "api_key_change"];

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn no_statement_scans_a_table_that_grows() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    let last = seed(&store).await;
    store.close().await;
    let mut connection = database.connect().await;
    run(&mut connection, &format!("ANALYZE TABLE {TABLES}")).await;

    let output: String = run(&mut connection, "SELECT @@log_output AS output").await[0].get("output");
    run(&mut connection, "SET GLOBAL log_output = 'TABLE', GLOBAL general_log = ON").await;
    // Its connections are made from here on, so that the log tells them from others'.
    call_everything(&store, &last).await;
    run(&mut connection, &format!("SET GLOBAL general_log = OFF, GLOBAL log_output = '{output}'")).await;

    let statements = logged(&mut connection, &database).await;
    assert!(statements.len() > 40, "the log has what was sent: {statements:#?}");
    let mut scans = Vec::new();
    for statement in &statements {
        scans.extend(scanned(&mut connection, statement).await);
    }
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_scan_is_noticed() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    commit(&store, &[authorization(1, "m-1", "k-1")]).await;
    let mut connection = database.connect().await;
    let statement = "SELECT * FROM payment WHERE currency = 'USD'";
    assert_eq!(scanned(&mut connection, statement).await.len(), 1);
    assert_eq!(scanned(&mut connection, "SELECT next_sequence FROM payment_sequence").await.len(), 0);
}

/// Payments in all stages, letters, acts and movements; one payment that is AUTHORIZED.
async fn seed(store: &dyn Store) -> std::sync::Arc<Payment> {
    let mut last = None;
    for first in (1..=PAYMENTS).step_by(500) {
        let merchant = |sequence: u64| format!("m-{}", sequence % 50);
        let batch: Vec<Append> = (first..first + 500)
            .map(|sequence| authorization(sequence, &merchant(sequence), &format!("k-{sequence}")))
            .collect();
        let ready = commit(store, &batch).await;
        let approvals: Vec<Append> =
            ready.iter().take(450).map(|payment| step(payment, &approved(payment))).collect();
        let authorized = commit(store, &approvals).await;
        let command = Command::Capture(Capture { amount: None });
        let captures: Vec<Append> =
            authorized.iter().take(400).map(|payment| step(payment, &command)).collect();
        let capturing = commit(store, &captures).await;
        let captured: Vec<Append> =
            capturing.iter().take(300).map(|payment| step(payment, &approved(payment))).collect();
        let captured = commit(store, &captured).await;
        let movements: Vec<Movement> = captured.iter().map(|payment| movement(payment)).collect();
        for piece in movements.chunks(100) {
            store.post(piece, now()).await.expect("the ledger is posted");
        }
        let records = store.unpublished(0, 0, 2_000).await.expect("the outbox is read");
        let old: Vec<_> = records.iter().take(1_000).map(|(_, record)| record.key()).collect();
        store.mark_published(0, &old, now()).await.expect("the records are marked");
        let letters: Vec<DeadLetter> = (first..first + 50).map(letter).collect();
        store.put_dead_letters(&letters).await.expect("the letters are kept");
        last = authorized.last().cloned();
    }
    for number in 0..200 {
        store.write_audit(&act(&format!("a-{number}"))).await.expect("the act is kept");
        store.put_api_key(&api_key(number)).await.expect("the key is kept");
    }
    last.expect("there are payments")
}

fn movement(payment: &Payment) -> Movement {
    Movement {
        event_id: EventId::of(payment.id, 3),
        payment_id: payment.id,
        operation_no: OperationNo(2),
        debit: Account::merchant_receivable(&payment.merchant_id, payment.currency),
        credit: Account::cash(&payment.merchant_id, payment.currency),
        amount: payment.amount,
        currency: payment.currency,
    }
}

fn letter(number: u64) -> DeadLetter {
    DeadLetter {
        id: format!("payment.captured-0-{number}"),
        topic: Topic::PaymentDlq,
        payment_id: None,
        operation: None,
        error_type: "MALFORMED_RECORD".to_owned(),
        status: if number.is_multiple_of(3) { LetterStatus::Open } else { LetterStatus::Replayed },
        body: json!({ "offset": number }),
        created_at: now(),
        closed_at: None,
        closed_reason: None,
    }
}

fn act(id: &str) -> AuditEntry {
    let word = |text: &str| text.to_owned();
    AuditEntry {
        id: word(id),
        who: word("alice"),
        what: word("replay"),
        target: word("settlement.dlq/1-2-1"),
        reason: word("the pg is back"),
        at: now(),
        outcome: word("accepted"),
    }
}

fn api_key(number: u64) -> ApiKey {
    ApiKey {
        scope: KeyScope::Merchant(merchant_id(&format!("m-{number}"))),
        label: None,
        digest: KeyDigest::of(&format!("secret {number}")),
        created_at: now(),
        revoked_at: None,
    }
}

/// Calls every method of the store, with everything an append can hold and with the questions after a conflict.
async fn call_everything(store: &dyn Store, authorized: &Payment) {
    let capture = step(authorized, &Command::Capture(Capture { amount: None }));
    let mut whole = capture.clone();
    whole.audit = Some(act("a-whole"));
    let new = authorization(PAYMENTS + 1, "m-1", "k-new");
    commit(store, &[whole, new.clone()]).await;
    let conflict = [capture.clone(), authorization(PAYMENTS + 2, "m-1", "k-new")];
    store.append(&conflict).await.expect("both drop out");
    let mut marks = [capture.mark(), new.mark()];
    marks[0].token = 0;
    marks[1].token = 0;
    marks[0].letter_id = Some("no such letter".to_owned());
    marks[0].operation_no = None;
    store.committed(&marks).await.expect("it answers");
    store.reserve_sequences(merchant_id("m-1").slot(), 100).await.expect("it answers");
    read_payments(store, authorized.id).await;
    tend_outbox(store, authorized.id).await;
    store.post(&[movement(authorized)], now()).await.expect("it answers");
    operate(store).await;
}

async fn read_payments(store: &dyn Store, id: PaymentId) {
    store.payment(id).await.expect("it answers");
    store.key(&merchant_id("m-1"), &key("k-1")).await.expect("it answers");
    store.ledger_entries(id).await.expect("it answers");
    store.payment_with_entries(id).await.expect("it answers");
    store.history(id).await.expect("it answers");
    for (status, below) in [(None, None), (None, Some(id)), (Some(Status::Captured), Some(id))] {
        let filter = PaymentFilter {
            merchant_id: merchant_id("m-1"),
            status,
            from: Some(now()),
            to: None,
            below,
            limit: 50,
        };
        store.list(&filter).await.expect("it answers");
        store.list(&PaymentFilter { from: None, ..filter }).await.expect("it answers");
    }
    store.claim_due(&DueKind::ALL, now(), now(), 50).await.expect("it answers");
    let year = std::time::Duration::from_secs(365 * 24 * 60 * 60);
    store.claim_due(&DueKind::ALL, now().plus(year), now().plus(year), 50).await.expect("it answers");
}

async fn tend_outbox(store: &dyn Store, id: PaymentId) {
    let records = store.unpublished(0, 0, 100).await.expect("it answers");
    store.unpublished(0, records[50].0, 100).await.expect("it answers");
    store.unpublished_before(id, 9).await.expect("it answers");
    for count in [1, 7, 100] {
        let events: Vec<_> = records.iter().take(count).map(|(_, record)| record.key()).collect();
        store.mark_published(0, &events, now()).await.expect("it answers");
    }
    store.prune_published(Timestamp::from_micros(0), 100).await.expect("it answers");
    store.prune_published(now(), 100).await.expect("it answers");
    store.backlog().await.expect("it answers");
}

async fn operate(store: &dyn Store) {
    for status in [None, Some(LetterStatus::Open)] {
        for before in [None, Some(200)] {
            store.dead_letters(Topic::PaymentDlq, status, before, 20).await.expect("it answers");
        }
    }
    store.dead_letter("payment.captured-0-7").await.expect("it answers");
    store.put_dead_letters(&[letter(1), letter(PAYMENTS + 1)]).await.expect("it answers");
    store
        .close_dead_letter("payment.captured-0-3", LetterStatus::Replayed, "fixed", now())
        .await
        .expect("it answers");
    store.open_dead_letters().await.expect("it answers");
    store.write_audit(&act("a-last")).await.expect("it answers");
    store.audit(None, 20).await.expect("it answers");
    store.audit(Some(100), 20).await.expect("it answers");
    for kind in OperationKind::ALL {
        store.operation_totals(kind, now()).await.expect("it answers");
    }
    store.status_counts().await.expect("it answers");
    store.oldest_open(20).await.expect("it answers");
    store.ping().await.expect("it answers");
    store.put_api_key(&api_key(1)).await.expect("it answers");
    store.revoke_api_key(&api_key(2).id(), now()).await.expect("it answers");
    store.api_keys(0, 20).await.expect("it answers");
    store.api_keys(200, 20).await.expect("it answers");
}

/// What the store's connections sent, each text once.
async fn logged(connection: &mut MySqlConnection, database: &TestDatabase) -> BTreeSet<String> {
    let text = format!(
        "SELECT CONVERT(argument USING utf8mb4) AS statement FROM mysql.general_log
         WHERE command_type IN ('Execute', 'Query') AND thread_id <> CONNECTION_ID() AND thread_id IN (
             SELECT thread_id FROM mysql.general_log
             WHERE command_type = 'Connect' AND CONVERT(argument USING utf8mb4) LIKE '% on {} %')",
        database.name
    );
    let rows = run(connection, &text).await;
    let texts = rows.iter().map(|row| row.get::<String, _>("statement"));
    // Several in one round trip are one line; no value in here holds what stands between them.
    let each = |text: String| text.split("; ").map(str::to_owned).collect::<Vec<_>>();
    texts.flat_map(each).filter(|statement| reads(statement)).collect()
}

/// Whether a statement looks for rows; a plain insert, or the end of a transaction, does not.
fn reads(statement: &str) -> bool {
    let first = statement.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    matches!(first.as_str(), "SELECT" | "UPDATE" | "DELETE" | "INSERT") && !statement.contains("@@")
}

/// What is wrong with how the server would go about a statement.
async fn scanned(connection: &mut MySqlConnection, statement: &str) -> Vec<String> {
    let plan = run(connection, &format!("EXPLAIN {statement}")).await;
    let scan = |row: &sqlx::mysql::MySqlRow| {
        let table: Option<String> = row.get("table");
        let kind: Option<String> = row.get("type");
        let grows = table.as_deref().is_some_and(|table| !DO_NOT_GROW.contains(&table));
        let is_insert =
            row.get::<String, _>("select_type") == "INSERT" || statement.trim_start().starts_with("INSERT");
        (grows && !is_insert && matches!(kind.as_deref(), Some("ALL" | "index")))
            .then(|| format!("{} by {}: {statement}", table.unwrap_or_default(), kind.unwrap_or_default()))
    };
    plan.iter().filter_map(scan).collect()
}
