//! The store keeps the contracts of its ports.

use std::sync::Arc;

use payment_actors::ports::Store;
use payment_engine::mariadb::MariaDbStore;

use crate::server::TestDatabase;

async fn fresh() -> (Arc<dyn Store>, TestDatabase) {
    let database = TestDatabase::new();
    let store = MariaDbStore::connect(database.options()).await.expect("a new database");
    (Arc::new(store), database)
}

payment_actors::store_contract!(
    #[ignore = "needs MariaDB: set PAYMENT_DB_HOST and run with --include-ignored"]
    fresh
);
