//! Small things done every few seconds that belong to no actor: folding histograms, counting open dead letters for
//! the tree's summary.
//!
//! Neither touches a payment; should this task die, numbers go stale and nothing else happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use payment_actors::api::OperatorApi;
use payment_actors::engine::Engine;
use tokio::task::JoinHandle;

use crate::telemetry::Metrics;

const EVERY: Duration = Duration::from_secs(5);

/// Does them until the handle is aborted.
pub(super) fn start(engine: &Engine, metrics: &Arc<Metrics>, dead_letters: Arc<AtomicU64>) -> JoinHandle<()> {
    let (operator, metrics) = (Arc::clone(&engine.operator), Arc::clone(metrics));
    tokio::spawn(async move {
        loop {
            metrics.fold();
            count(&*operator, &dead_letters).await;
            tokio::time::sleep(EVERY).await;
        }
    })
}

/// An error leaves the last count, and is nothing to tell: the store's own users tell it.
async fn count(operator: &dyn OperatorApi, dead_letters: &AtomicU64) {
    if let Ok(open) = operator.open_dead_letters().await {
        dead_letters.store(open.iter().map(|(_, count)| count).sum(), Ordering::Relaxed);
    }
}
