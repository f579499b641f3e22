//! Two databases share the merchants, and one of them freezes and dies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use payment_schema::ids::MerchantId;
use rustix::process::Signal;
use serde_json::json;
use sqlx::mysql::MySqlConnection;
use sqlx::{Connection, Row};

use crate::client::{Desk, Merchant};
use crate::engine::Engine;
use crate::load::{Load, Told, audit};
use crate::own_server::OwnServer;
use crate::site::Site;

/// Whoever waited for the database that is frozen would take longer.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A merchant whose slot is in this half.
fn merchant(engine: &Engine, is_high: bool) -> Merchant {
    let name = (0..).map(|number| format!("half-{number}")).find(|name| {
        let id = MerchantId::parse(name).expect("a short plain id");
        (id.slot().get() >= 512) == is_high
    });
    Merchant::new(engine, &name.expect("slots are spread"))
}

async fn payments(url: &str) -> i64 {
    let mut connection = MySqlConnection::connect(url).await.expect("the server answers");
    let count = sqlx::query("SELECT COUNT(*) FROM payment").fetch_one(&mut connection).await;
    count.expect("the table is there").get(0)
}

#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn a_database_that_is_away_hurts_its_own_merchants_only() {
    let mut second = OwnServer::start(&[]).await;
    let site = Site::new();
    let (low, high) = (site.place.database().to_string(), second.url("paydb").to_string());
    let shards = format!("0-511={low} 512-1023={high}");
    let engine = site.engine(&[("PAYMENT__STORE__URL", ""), ("PAYMENT__STORE__SHARDS", &shards)]);
    let told = Arc::new(Told::default());
    let load = Load::start(&[&engine], &told, "a", Duration::from_millis(20));
    told.until_more(60).await;
    load.stop().await;
    assert_eq!(told.refusals().len(), 0);

    let (near, far) = (merchant(&engine, false), merchant(&engine, true));
    let kept = far.authorized("before", 1_000, json!({})).await;
    second.signal(Signal::STOP);
    let refused = far.authorize("during", 1_000, json!({}));
    let served = async {
        for number in 0..20 {
            let begun = Instant::now();
            let id = near.authorized(&format!("during-{number}"), 1_000, json!({})).await;
            assert!(begun.elapsed() < AT_ONCE, "payment {id} took {:?}", begun.elapsed());
            near.command("capture", id, json!({})).await;
            near.until_status(id, "CAPTURED").await;
        }
        site.until_published().await;
        site.until("SELECT COUNT(DISTINCT payment_id) FROM ledger_entry", |posted| posted >= 20).await;
    };
    let (refused, ()) = tokio::join!(refused, served);
    let refused = refused.expect("an answer");
    assert_eq!((refused.status, refused.code().as_str()), (503, "STORE_UNAVAILABLE"), "{}", refused.json());
    assert!(refused.retry_after);
    let view = Desk::operator(&engine).get("/api/admin/dlq/settlement.dlq").await;
    assert_eq!(view.status, 503, "a view that lacks a database is none");
    second.signal(Signal::CONT);

    // Its merchants are served again, also after it died.
    let again = far.authorize("during", 1_000, json!({})).await.expect("an answer");
    assert!([200, 402, 503].contains(&again.status), "{}", again.json());
    let load = Load::start(&[&engine], &told, "b", Duration::from_millis(20));
    told.until_more(20).await;
    second.crash().await;
    told.until_more(60).await;
    load.stop().await;
    assert_eq!(far.get(kept).await["status"], "AUTHORIZED");
    let view = Desk::operator(&engine).get("/api/admin/dlq/settlement.dlq").await;
    assert_eq!(view.status, 200);

    audit(&told, &engine, &site.pg()).await;
    let counts = [payments(&low).await, payments(&high).await];
    assert!(counts.iter().all(|count| *count > 20), "both halves have payments: {counts:?}");
    let check = engine.command_json(&["check", "--json"]);
    assert_eq!(check["payments"].as_i64(), Some(counts.iter().sum()), "all of them are checked: {check}");
}
