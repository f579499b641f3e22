//! Two databases behind one store, on one server, or on two of which one dies.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use payment_actors::ports::journal_store::{AppendOutcome, JournalStore};
use payment_actors::ports::operator_store::OperatorStore;
use payment_actors::ports::outbox_store::OutboxStore;
use payment_actors::ports::payment_store::PaymentStore;
use payment_actors::ports::{Store, StoreError};
use payment_engine::mariadb::{MariaDbOptions, MariaDbStore, OpenError};
use payment_engine::shards::ShardedStore;
use rustix::process::Signal;
use tokio::time::timeout;

use crate::own_server::OwnServer;
use crate::server::TestDatabase;
use crate::work::{approved, authorization, commit, merchant_id, step};

/// A merchant of the first database.
const LOW: &str = "m-1";
/// A merchant of the second.
const HIGH: &str = "m-2";
/// No call takes longer, whatever a server does.
const SECONDS: Duration = Duration::from_secs(12);

fn halves(first: MariaDbOptions, second: MariaDbOptions) -> Vec<(RangeInclusive<u16>, MariaDbOptions)> {
    vec![(0..=511, first), (512..=1023, second)]
}

async fn fresh() -> (Arc<dyn Store>, [TestDatabase; 2]) {
    let databases = [TestDatabase::new(), TestDatabase::new()];
    let store = ShardedStore::connect(halves(databases[0].options(), databases[1].options())).await;
    (Arc::new(store.expect("two new databases")), databases)
}

payment_actors::store_contract!(
    #[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
    fresh
);

#[tokio::test]
#[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
async fn a_payments_rows_are_in_its_own_database() {
    let databases = [TestDatabase::new(), TestDatabase::new()];
    let both = ShardedStore::connect(halves(databases[0].options(), databases[1].options())).await;
    let both = both.expect("two new databases");
    let batch = [authorization(1, LOW, "k-1"), authorization(1, HIGH, "k-1")];
    let payments = commit(&both, &batch).await;
    commit(
        &both,
        &[step(&payments[0], &approved(&payments[0])), step(&payments[1], &approved(&payments[1]))],
    )
    .await;
    both.close().await;
    for (at, database) in databases.iter().enumerate() {
        let alone = MariaDbStore::connect(database.options()).await.expect("it is there");
        for (of, payment) in payments.iter().enumerate() {
            let found = alone.payment(payment.id).await.expect("it answers");
            assert_eq!(found.is_some(), at == of);
            let records = alone.unpublished_before(payment.id, 9).await.expect("it answers");
            assert_eq!(records.len(), usize::from(at == of));
        }
    }
}

#[tokio::test]
#[ignore = "starts MariaDBs of its own: needs mariadbd, run with --include-ignored"]
async fn one_that_dies_hurts_only_its_own() {
    let (first, mut second) = (OwnServer::start(&[]).await, OwnServer::start(&[]).await);
    let store = ShardedStore::connect(halves(first.options("paydb"), second.options("paydb"))).await;
    let store = store.expect("two new databases");
    let kept = commit(&store, &[authorization(1, HIGH, "k-1")]).await.remove(0);

    second.signal(Signal::STOP);
    let low = [authorization(1, LOW, "k-1")];
    let high = [authorization(2, HIGH, "k-2")];
    // The frozen one's lane waits for its time limit; the other's does not wait for it.
    let (low, frozen) = tokio::join!(
        timeout(Duration::from_secs(2), store.append(&low)),
        timeout(SECONDS, store.append(&high))
    );
    assert_eq!(low.expect("at once").expect("it is there"), [AppendOutcome::Committed]);
    assert!(frozen.expect("it ends by itself").is_err());
    timeout(Duration::from_secs(2), store.ping()).await.expect("at once").expect("one answers");
    let view = timeout(SECONDS, store.status_counts()).await.expect("it ends by itself");
    assert!(matches!(&view, Err(StoreError::Unavailable(why)) if why.contains("slots 512-1023")), "{view:?}");
    second.crash().await;

    let read = store.payment(kept.id).await.expect("it is back");
    assert_eq!(read.as_ref(), Some(&*kept));
    store.status_counts().await.expect("both answer");
}

#[tokio::test]
#[ignore = "starts a MariaDB of its own: needs mariadbd, run with --include-ignored"]
async fn an_engine_starts_while_one_is_away_but_not_while_all_are() {
    let server = OwnServer::start(&[]).await;
    let nobody = || {
        let url = reqwest::Url::parse("mysql://root@127.0.0.1:1/paydb").expect("a url");
        MariaDbOptions::from_url(&url).expect("the address is understood")
    };
    let store = ShardedStore::connect(halves(server.options("paydb"), nobody())).await;
    let store = store.expect("one answers");
    commit(&store, &[authorization(1, LOW, "k-1")]).await;
    let away = store.reserve_sequences(merchant_id(HIGH).slot(), 1).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
    let none = ShardedStore::connect(halves(nobody(), nobody())).await;
    assert!(matches!(none.err(), Some(OpenError::Unreachable { .. })));
}
