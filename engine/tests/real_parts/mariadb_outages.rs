//! A MariaDB that dies, freezes or loses its connections under load.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::load::{Load, Told, audit};
use crate::own_server::OwnServer;
use crate::place::Servers;
use crate::site::Site;

/// Longer than anything waits: a statement and a commit take 5 s each at most, a request 10 s.
const FROZEN: Duration = Duration::from_secs(12);

/// Connections that the engine may have, for writing and for reading.
const POOLS: i64 = 16;

#[actix_rt::test]
#[ignore = "needs the real parts: compose/native test runs it"]
async fn no_outage_of_mariadb_loses_a_success_or_doubles_money() {
    let mut mariadb = OwnServer::start(&[]).await;
    let site = Site::on(Servers { mariadb: mariadb.url(""), ..Servers::of_the_environment() });
    let engine = site.engine(&[]);
    let told = Arc::new(Told::default());
    let load = Load::start(&[&engine], &told, "a", Duration::from_millis(100));
    told.until_more(20).await;

    mariadb.crash().await;
    told.until_more(20).await;

    mariadb.signal(Signal::STOP);
    tokio::time::sleep(FROZEN).await;
    mariadb.signal(Signal::CONT);
    told.until_more(20).await;

    for _ in 0..5 {
        kill_connections(&mariadb, &site).await;
        told.until_more(5).await;
    }
    load.stop().await;
    assert_eq!(told.unanswered(), 0, "the engine answers, whatever happens to its database");
    let refusals = told.refusals();
    assert!(!refusals.is_empty(), "nothing happened");
    for refusal in refusals {
        let told = (refusal.status, refusal.code(), refusal.retry_after);
        assert_eq!(told, (503, "STORE_UNAVAILABLE".to_owned(), true), "{}", refusal.json());
    }

    // Nobody is refused any more, and no connection is left over.
    let after = Arc::new(Told::default());
    let load = Load::start(&[&engine], &after, "b", Duration::from_millis(50));
    after.until_more(100).await;
    load.stop().await;
    assert_eq!(after.refusals().len(), 0, "{:?}", after.refusals().first().map(crate::client::Answer::json));
    let open = connections(&mariadb, &site).await.len();
    assert!(i64::try_from(open).is_ok_and(|open| (1..=POOLS).contains(&open)), "{open} connections");
    audit(&told, &engine, &site.pg()).await;
    audit(&after, &engine, &site.pg()).await;
}

/// The engine's sessions.
async fn connections(mariadb: &OwnServer, site: &Site) -> Vec<i64> {
    let own = format!(
        "SELECT id FROM information_schema.processlist WHERE db = '{}' AND id <> CONNECTION_ID()",
        site.place.name
    );
    let rows = mariadb.connect().await.fetch_all(AssertSqlSafe(own)).await.expect("the server answers");
    rows.iter().map(|row| row.get("id")).collect()
}

async fn kill_connections(mariadb: &OwnServer, site: &Site) {
    let mut killer = mariadb.connect().await;
    let connections = connections(mariadb, site).await;
    assert!(!connections.is_empty(), "the engine is connected");
    for id in connections {
        // It may have ended by itself.
        drop(killer.execute(AssertSqlSafe(format!("KILL {id}"))).await);
    }
}
