//! The connection that all requests share, and whether it works.
//!
//! The first failure takes the link down for everybody. While it is down nobody waits for Redis: one task at a time
//! tries it, no more often than every half second, and brings the link up when the script runs in time. Requests
//! on any thread of the process use it at once.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::Pool;
use parking_lot::Mutex;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, timeout};

use super::keys::Keys;
use super::script::AdmitScript;

/// How long Redis is left alone after a failure.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How long finding a connection may take; nobody waits for it.
const PROBE_WITHIN: Duration = Duration::from_secs(2);

pub(super) struct Link {
    pool: Pool,
    script: AdmitScript,
    keys: Keys,
    patience: Duration,
    state: Mutex<State>,
}

struct State {
    live: Option<MultiplexedConnection>,
    /// Counts connections, so that a late failure of an old one is not held against its successor.
    generation: u64,
    probing: bool,
    next_probe: Instant,
}

impl Link {
    pub(super) fn new(pool: Pool, keys: Keys, patience: Duration) -> Arc<Self> {
        let state = State { live: None, generation: 0, probing: false, next_probe: Instant::now() };
        Arc::new(Self { pool, script: AdmitScript::new(), keys, patience, state: Mutex::new(state) })
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn script(&self) -> &AdmitScript {
        &self.script
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn is_up(&self) -> bool {
        self.state.lock().live.is_some()
    }

    /// Does something with the connection. Nothing when the link is down, or goes down because this failed or took
    /// too long.
    pub(super) async fn with<T>(
        self: &Arc<Self>,
        call: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        let Some((generation, mut connection)) = self.live() else {
            self.look_for_it();
            return None;
        };
        match timeout(self.patience, call(&mut connection)).await {
            Ok(Ok(value)) => Some(value),
            Ok(Err(error)) => {
                self.down(generation, &error.to_string());
                None
            }
            Err(_) => {
                self.down(generation, "no answer in time");
                None
            }
        }
    }

    fn live(&self) -> Option<(u64, MultiplexedConnection)> {
        let state = self.state.lock();
        state.live.clone().map(|connection| (state.generation, connection))
    }

    fn down(&self, generation: u64, cause: &str) {
        let mut state = self.state.lock();
        if state.generation == generation && state.live.take().is_some() {
            state.next_probe = Instant::now() + TRY_AGAIN_AFTER;
            drop(state);
            tracing::warn!(cause, "redis is away, limits and answers are kept in the process");
        }
    }

    /// Has the link tried, unless somebody does already or just did.
    pub(super) fn look_for_it(self: &Arc<Self>) {
        if let Some(turn) = self.take_turn() {
            tokio::spawn(async move {
                if let Err(cause) = turn.link.probe().await {
                    tracing::debug!(cause, "redis is still away");
                }
            });
        }
    }

    /// Tries the link and waits for what comes of it; for the start.
    pub(super) async fn find(self: &Arc<Self>) {
        if let Some(turn) = self.take_turn()
            && let Err(cause) = turn.link.probe().await
        {
            tracing::warn!(cause, "redis is away, limits and answers are kept in the process");
        }
    }

    fn take_turn(self: &Arc<Self>) -> Option<Turn> {
        let mut state = self.state.lock();
        if state.live.is_some() || state.probing || Instant::now() < state.next_probe {
            return None;
        }
        state.probing = true;
        drop(state);
        Some(Turn { link: Arc::clone(self) })
    }

    /// Gets a connection and sees whether it does what requests need, in the time that requests have. The task that
    /// serves the connection lives on the caller's runtime; when that ends, the next failure finds another one.
    async fn probe(&self) -> Result<(), String> {
        let connection = timeout(PROBE_WITHIN, self.pool.get()).await.map_err(|_| "no connection in time")?;
        let mut connection = connection.map_err(|error| error.to_string())?.clone();
        let bucket = self.keys.probe();
        // Loads the script if need be; only the second run is what requests will see.
        for _ in 0..2 {
            let call = self.script.call(&bucket, None, u32::MAX);
            let ran = timeout(self.patience, self.script.run_all(&mut connection, vec![call]))
                .await
                .map_err(|_| "no answer in time")?;
            ran.map_err(|error| error.to_string())?;
        }
        let mut state = self.state.lock();
        state.live = Some(connection);
        state.generation += 1;
        drop(state);
        tracing::info!("redis is there, limits and answers are shared");
        Ok(())
    }
}

/// The right to try the link; gives way when dropped, with whatever task or runtime held it.
struct Turn {
    link: Arc<Link>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.link.state.lock();
        state.probing = false;
        state.next_probe = Instant::now() + TRY_AGAIN_AFTER;
    }
}
