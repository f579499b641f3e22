//! A write between its caller and the tables.
//!
//! Owns the question what becomes of it when the caller dies: never done, done, or done later.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;

use super::tables::Tables;
use super::{Host, SimStore};
use crate::simulation::environment::Environment;
use crate::simulation::faults::Fault;

/// What happens to a write whose caller dies before it landed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    /// It never reached the store.
    Never,
    /// It had reached the store.
    Now,
    /// It reaches the store after this long.
    Late(Duration),
}

const SHORT_WHILE: Duration = Duration::from_millis(10);

/// One write under way. Dropped with its write still inside, the caller is dead.
pub(super) struct InFlight<T, F: FnOnce(&mut Tables) -> T + Send + 'static> {
    what: &'static str,
    apply: Option<F>,
    cut: Cut,
    environment: Arc<Environment>,
    tables: Arc<Mutex<Tables>>,
    host: Arc<Host>,
}

impl<T, F: FnOnce(&mut Tables) -> T + Send + 'static> InFlight<T, F> {
    pub(super) fn new(store: &SimStore, what: &'static str, cut: Cut, apply: F) -> Self {
        Self {
            what,
            apply: Some(apply),
            cut,
            environment: Arc::clone(&store.environment),
            tables: Arc::clone(&store.tables),
            host: Arc::clone(&store.host),
        }
    }

    /// Does the write.
    pub(super) fn land(&mut self) -> Option<T> {
        let apply = self.apply.take()?;
        self.environment.note(format_args!("store {}", self.what));
        Some(apply(&mut self.tables.lock()))
    }

    /// Leaves the write to happen later.
    pub(super) fn delay(&mut self) -> Option<T> {
        let apply = self.apply.take()?;
        match self.cut {
            Cut::Late(after) => self.happen_later(apply, after),
            Cut::Now | Cut::Never => self.happen_later(apply, SHORT_WHILE),
        }
        None
    }

    fn happen_later(&self, apply: F, after: Duration) {
        let (what, environment, tables) =
            (self.what, Arc::clone(&self.environment), Arc::clone(&self.tables));
        let host = Arc::clone(&self.host);
        let deaths = host.deaths.load(Ordering::Relaxed);
        actix_rt::spawn(async move {
            sleep(after).await;
            if host.deaths.load(Ordering::Relaxed) == deaths {
                environment.note(format_args!("store {what} at last"));
                apply(&mut tables.lock());
            }
        });
    }

    /// Drops the write.
    pub(super) fn give_up(&mut self) -> Option<T> {
        self.environment.note(format_args!("store {} not done", self.what));
        self.apply = None;
        None
    }
}

impl<T, F: FnOnce(&mut Tables) -> T + Send + 'static> Drop for InFlight<T, F> {
    fn drop(&mut self) {
        let Some(apply) = self.apply.take() else {
            return;
        };
        match self.cut {
            Cut::Late(after)
                if !self.environment.is_calm() && !self.host.is_dying.load(Ordering::Relaxed) =>
            {
                self.environment.count(Fault::CommitLandedLate);
                self.happen_later(apply, after);
            }
            Cut::Now | Cut::Late(_) => {
                self.environment.count(Fault::CommitOrphaned);
                apply(&mut self.tables.lock());
            }
            Cut::Never => self.environment.count(Fault::CommitDropped),
        }
    }
}
