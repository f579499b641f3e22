//! The contract of the store's ports.

use std::sync::Arc;

use payment_actors::ports::Store;

use crate::pair::Pair;

async fn fresh() -> (Arc<dyn Store>, Pair) {
    let pair = Pair::new(true);
    (Arc::new(pair.store.clone()), pair)
}

payment_actors::store_contract!(fresh);
