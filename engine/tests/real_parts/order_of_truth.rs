//! The table first, then the topic, then the answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::mysql::MySqlConnection;
use sqlx::{Connection, Executor};

use crate::client::Merchant;
use crate::load::{Load, Told, assert_check_is_clean, audit};
use crate::own_server::OwnServer;
use crate::place::Servers;
use crate::process::PATIENCE;
use crate::site::Site;
use crate::topics::{self, Reader};

/// Records whose rows are looked for.
const RECORDS: usize = 300;

/// While commits are held back nobody is told of a success and no record is published; afterwards what was decided
/// meanwhile is committed, published and told.
#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn without_a_commit_nothing_is_published_and_nobody_hears_of_a_success() {
    let mariadb = OwnServer::start(&[]).await;
    let site = Site::on(Servers { mariadb: mariadb.url(""), ..Servers::of_the_environment() });
    let engine = site.engine(&[("PAYMENT__PG__AUTHORIZE_TIMEOUT", "5s")]);
    let shop = Merchant::new(&engine, "shop-1");
    let held = shop.authorized("held", 1_000, json!({})).await;
    site.until_published().await;
    let published = records(&site).await;
    let authorized = site.pg().record().await.len();

    // One authorization that was asked for while commits went through, and is approved when they do not.
    let fault = json!({"operation": "authorize", "fault": "late-answer", "count": 1, "delayMs": 1_500});
    site.pg().post("/v1/faults", fault).await;
    let approved_late = actix_rt::spawn({
        let shop = shop.clone();
        async move { shop.authorize("late", 1_000, json!({})).await.expect("an answer") }
    });
    site.until("SELECT COUNT(*) FROM payment WHERE status = 'READY'", |ready| ready == 1).await;

    let mut holder = mariadb.connect().await;
    for stage in ["START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"] {
        holder
            .execute(sqlx::AssertSqlSafe(format!("BACKUP STAGE {stage}")))
            .await
            .expect("the stage is reached");
    }
    let new = (0..4).map(|number| {
        let shop = shop.clone();
        async move { shop.authorize(&format!("new-{number}"), 1_000, json!({})).await.expect("an answer") }
    });
    let capture = shop.command("capture", held, json!({}));
    let (new, capture, late) = tokio::join!(join_all(new), capture, approved_late);
    let late = late.expect("the client lives");
    for answer in new.iter().chain([&capture]) {
        assert_eq!((answer.status, answer.retry_after), (503, true), "{}", answer.json());
    }
    assert!(matches!(late.status, 202 | 503), "not committed, so not told: {}", late.json());
    assert_eq!(records(&site).await, published, "nothing was published");
    let asked = site.pg().record().await.len();
    assert_eq!(asked, authorized + 1, "the gateway was asked for nothing that was not committed");

    holder.execute("BACKUP STAGE END").await.expect("commits go on");
    holder.close().await.expect("the session ends");
    let answer = shop.authorized_at_last("late", 1_000).await;
    shop.until_status(answer["paymentId"].as_u64().expect("a payment id"), "AUTHORIZED").await;
    for number in 0..4 {
        shop.authorized_at_last(&format!("new-{number}"), 1_000).await;
    }
    site.until_published().await;
    assert!(records(&site).await > published);
    assert_check_is_clean(&engine).await;
}

async fn records(site: &Site) -> usize {
    let place = Arc::clone(&site.place);
    tokio::task::spawn_blocking(move || topics::read(&place).len()).await.expect("the topics are read")
}

/// Whoever sees a record for the first time can read its row in a session of its own.
#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn who_sees_a_record_can_read_its_row() {
    let site = Site::new();
    let engine = site.engine(&[]);
    let told = Arc::new(Told::default());
    let load = Load::start(&[&engine], &told, "a", Duration::from_millis(40));
    told.until_more(5).await;
    let place = Arc::clone(&site.place);
    let looked = tokio::task::spawn_blocking(move || {
        let reader = Reader::of(&place);
        let sessions = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut session = sessions.block_on(place.connect());
        let (begun, mut seen) = (Instant::now(), 0);
        while seen < RECORDS {
            assert!(begun.elapsed() < PATIENCE, "only {seen} records");
            let Some(found) = reader.next(Duration::from_secs(1)) else { continue };
            let event: Value = serde_json::from_slice(&found.value).expect("events are JSON");
            if let Some(number) = event["eventSeq"].as_i64() {
                sessions.block_on(assert_row_is_there(&mut session, &event, number));
                seen += 1;
            }
        }
    });
    looked.await.expect("every record had its row");
    load.stop().await;
    audit(&told, &engine, &site.pg()).await;
}

async fn assert_row_is_there(session: &mut MySqlConnection, event: &Value, number: i64) {
    const ROW: &str = "
        SELECT COUNT(*) FROM payment p JOIN payment_transition t ON t.payment_id = p.payment_id AND t.version = ?
        JOIN outbox_event o ON o.payment_id = p.payment_id AND o.event_id = ?
        WHERE p.payment_id = ? AND p.last_event_seq >= ? AND p.version >= t.version";
    let found: i64 = sqlx::query_scalar(ROW)
        .bind(event["version"].as_i64().expect("a version"))
        .bind(event["eventId"].as_str().expect("an event id"))
        .bind(event["paymentId"].as_i64().expect("a payment id"))
        .bind(number)
        .fetch_one(session)
        .await
        .expect("the tables are read");
    assert_eq!(found, 1, "a record without its row: {event}");
}
