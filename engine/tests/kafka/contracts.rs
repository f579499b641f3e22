//! The adapter keeps the contract of its port.

use std::sync::Arc;

use payment_actors::ports::event_log::EventLog;

use crate::parts::{Cleanup, log_of_its_own};

async fn fresh() -> (Arc<dyn EventLog>, Cleanup) {
    let (log, cleanup) = log_of_its_own();
    (Arc::new(log), cleanup)
}

payment_actors::event_log_contract!(
    #[ignore = "needs Kafka: set KAFKA_BOOTSTRAP_SERVERS and run with --include-ignored"]
    fresh
);
