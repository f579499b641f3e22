//! A write between its caller and the tables.
//!
//! Owns the question what becomes of it when the caller dies: never done, done, or done later.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;

use super::SimStore;
use super::tables::Tables;
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

/// One write under way. Dropped with its write still inside, the caller is dead.
pub(super) struct InFlight<T, F: FnOnce(&mut Tables) -> T + Send + 'static> {
    what: &'static str,
    apply: Option<F>,
    cut: Cut,
    environment: Arc<Environment>,
    tables: Arc<Mutex<Tables>>,
}

impl<T, F: FnOnce(&mut Tables) -> T + Send + 'static> InFlight<T, F> {
    pub(super) fn new(store: &SimStore, what: &'static str, cut: Cut, apply: F) -> Self {
        Self {
            what,
            apply: Some(apply),
            cut,
            environment: Arc::clone(&store.environment),
            tables: Arc::clone(&store.tables),
        }
    }

    /// Does the write.
    pub(super) fn land(&mut self) -> Option<T> {
        let apply = self.apply.take()?;
        self.environment.note(format_args!("store {}", self.what));
        Some(apply(&mut self.tables.lock()))
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
            Cut::Late(after) if !self.environment.is_calm() => {
                self.environment.count(Fault::CommitLandedLate);
                let (what, environment, tables) =
                    (self.what, Arc::clone(&self.environment), Arc::clone(&self.tables));
                actix_rt::spawn(async move {
                    sleep(after).await;
                    environment.note(format_args!("store {what} of a dead caller"));
                    apply(&mut tables.lock());
                });
            }
            Cut::Now | Cut::Late(_) => {
                self.environment.count(Fault::CommitOrphaned);
                apply(&mut self.tables.lock());
            }
            Cut::Never => self.environment.count(Fault::CommitDropped),
        }
    }
}
