//! Commands on their way to Redis.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};

use super::link::Link;
use crate::courier::Carrier;

/// How long commands wait for company under load.
pub(super) const COMPANY: Duration = Duration::from_millis(1);

/// Trips over the connection that all share.
pub(super) struct Trips(pub(super) Arc<Link>);

impl Carrier for Trips {
    type Errand = Cmd;
    type Answer = Value;

    async fn carry(&self, commands: Vec<Cmd>) -> Vec<Value> {
        let script = self.0.script();
        let answers = self.0.with(async |connection| script.run_all(connection, commands).await);
        answers.await.unwrap_or_default()
    }
}
