//! Databases of older schemas keep what is in them.

use payment_actors::ports::journal_store::{AppendOutcome, JournalStore};
use payment_actors::ports::outbox_store::OutboxStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_engine::mariadb::MariaDbStore;
use payment_schema::ids::EventId;
use payment_schema::topic::Topic;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use crate::server::{TestDatabase, run};
use crate::work::{approved, authorization, commit, key, merchant_id, now, step};

/// Puts keys, outbox and indexes back to what the fourth migration left.
const AS_THE_FOURTH: &str = "
    ALTER TABLE idem_response_cache ADD COLUMN status_code SMALLINT UNSIGNED NULL,
        ADD COLUMN body MEDIUMBLOB NULL CHECK ((status_code IS NULL) = (body IS NULL));
    UPDATE idem_response_cache k JOIN idem_answer a USING (payment_id, key_digest)
        SET k.status_code = a.status_code, k.body = a.body;
    DROP TABLE idem_answer;
    ALTER TABLE idem_response_cache DROP PRIMARY KEY, DROP KEY idem_once, DROP COLUMN key_digest,
        ADD PRIMARY KEY (merchant_id, idem_key);
    ALTER TABLE outbox_event DROP KEY outbox_place, DROP COLUMN place,
        ADD UNIQUE KEY outbox_event_once (event_id), ADD KEY outbox_of_payment (payment_id, event_seq),
        MODIFY COLUMN published_at BIGINT NULL;
    UPDATE outbox_event SET published_at = NULL WHERE published_at = 0;
    ALTER TABLE payment DROP KEY payment_of_status,
        ADD KEY payment_by_merchant_status (merchant_id, status, payment_id),
        ADD KEY payment_by_status (status, authorization_progress, created_at);
    DELETE FROM schema_migration WHERE version > 4";

/// Every column and index, as text.
async fn schema(connection: &mut MySqlConnection) -> Vec<String> {
    const SQL: &str = "
        SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable) AS line
        FROM information_schema.columns WHERE table_schema = DATABASE()
        UNION ALL
        SELECT CONCAT_WS(' ', table_name, index_name, non_unique, seq_in_index, column_name)
        FROM information_schema.statistics WHERE table_schema = DATABASE()
        ORDER BY line";
    run(connection, SQL).await.iter().map(|row| row.get("line")).collect()
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn keys_answers_and_waiting_records_of_the_fourth_schema_are_found() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    let ready =
        commit(&store, &[authorization(1, "m-1", "k-open"), authorization(2, "m-1", "k-answered")]).await;
    let mut approval = step(&ready[1], &approved(&ready[1]));
    let mut letter = approval.outbox[0].clone();
    letter.event_id = EventId::of_dead_letter("settlement.dlq/1-2-1");
    letter.event_seq = None;
    letter.topic = Topic::SettlementDlq;
    approval.outbox.push(letter);
    commit(&store, &[approval]).await;
    let merchant = merchant_id("m-1");
    let (open, answered) = (key("k-open"), key("k-answered"));
    let before = [store.key(&merchant, &open).await, store.key(&merchant, &answered).await];
    let waiting = store.unpublished(0, 0, 10).await.expect("the outbox is read");
    assert_eq!(waiting.len(), 2, "an event and a letter");
    store.close().await;
    let mut connection = database.connect().await;
    let newest = schema(&mut connection).await;
    run(&mut connection, AS_THE_FOURTH).await;

    let store = MariaDbStore::connect(database.options()).await.expect("it is migrated");
    assert_eq!(schema(&mut connection).await, newest);
    assert_eq!([store.key(&merchant, &open).await, store.key(&merchant, &answered).await], before);
    assert!(matches!(&before[1], Ok(Some(record)) if record.answer.is_some()));
    let again = store.append(&[authorization(3, "m-1", "k-open")]).await.expect("it answers");
    assert!(matches!(&again[..], [AppendOutcome::KeyTaken(_)]), "{again:?}");
    assert_eq!(store.unpublished(0, 0, 10).await.expect("the outbox is read"), waiting);
    let records: Vec<_> = waiting.iter().map(|(_, record)| record.key()).collect();
    store.mark_published(0, &records, now()).await.expect("the records are marked");
    assert_eq!(store.backlog().await.expect("it answers"), (0, None));
}
