//! Rows that are changed together stay as long as they are.

use payment_actors::ports::payment_store::PaymentStore;
use payment_engine::mariadb::MariaDbStore;
use payment_schema::payment::Payment;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use crate::server::{TestDatabase, run};
use crate::work::{approved, authorization, commit, step};

async fn length(connection: &mut MySqlConnection, payment: &Payment) -> i64 {
    let sql = format!(
        "SELECT CAST(LENGTH(document) + LENGTH(status) + LENGTH(authorization_progress) + LENGTH(due_kind)
            + IF(open_touched_at IS NULL, 0, 8) AS SIGNED) AS length
        FROM payment WHERE payment_id = {}",
        payment.id
    );
    run(connection, &sql).await[0].get("length")
}

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn an_answer_finds_room_in_the_row_that_waits_for_it() {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    let ready = commit(&store, &[authorization(1, "m-1", "k-1")]).await;
    let mut connection = database.connect().await;
    let before = length(&mut connection, &ready[0]).await;
    let read = store.payment(ready[0].id).await.expect("it answers");
    assert_eq!(read.as_ref(), Some(&*ready[0]), "white space is no part of the payment");

    let answered = commit(&store, &[step(&ready[0], &approved(&ready[0]))]).await;
    let after = length(&mut connection, &answered[0]).await;
    assert!(after <= before, "{before} bytes became {after}");
}
