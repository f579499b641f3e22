//! One database of several.
//!
//! Owns its opening, which may come late: an engine starts while one of its databases is away, and tries again when
//! that one is asked for. Names it in every error. Never decides which questions it is asked.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use payment_actors::ports::StoreError;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// A database that could not be opened is not tried again sooner.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Opens a database; an error says in words why not.
type Opening<S> = Box<dyn Fn() -> BoxFuture<'static, Result<S, String>> + Send + Sync>;

/// A database and the slots it keeps.
pub struct Shard<S> {
    slots: RangeInclusive<u16>,
    store: OnceCell<S>,
    opening: Opening<S>,
    /// When it could not be opened, and why.
    failed: Mutex<Option<(Instant, String)>>,
}

impl<S> Shard<S> {
    /// A database that is opened when it is asked for.
    #[must_use]
    pub fn new(
        slots: RangeInclusive<u16>,
        opening: impl Fn() -> BoxFuture<'static, Result<S, String>> + Send + Sync + 'static,
    ) -> Self {
        Self { slots, store: OnceCell::new(), opening: Box::new(opening), failed: Mutex::new(None) }
    }

    /// A database that is open.
    #[must_use]
    pub fn opened(slots: RangeInclusive<u16>, store: S) -> Self {
        let never = || -> BoxFuture<'static, Result<S, String>> {
            Box::pin(async { Err("it is opened once".to_owned()) })
        };
        Self { store: OnceCell::new_with(Some(store)), ..Self::new(slots, never) }
    }

    /// The slots it keeps.
    #[must_use]
    pub fn slots(&self) -> &RangeInclusive<u16> {
        &self.slots
    }

    pub(super) fn if_open(&self) -> Option<&S> {
        self.store.get()
    }

    /// The database, opened if need be.
    pub(super) async fn store(&self) -> Result<&S, StoreError> {
        self.store.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<S, StoreError> {
        let lately = self.failed.lock().clone().filter(|(at, _)| at.elapsed() < TRY_AGAIN_AFTER);
        if let Some((_, cause)) = lately {
            return Err(self.name(StoreError::Unavailable(cause)));
        }
        match (self.opening)().await {
            Ok(store) => {
                tracing::info!(slots = %self, "database opened");
                Ok(store)
            }
            Err(cause) => {
                *self.failed.lock() = Some((Instant::now(), cause.clone()));
                Err(self.name(StoreError::Unavailable(cause)))
            }
        }
    }

    /// The error, saying whose it is.
    pub(super) fn name(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unavailable(cause) => StoreError::Unavailable(format!("{self}: {cause}")),
            StoreError::OutcomeUnknown(cause) => StoreError::OutcomeUnknown(format!("{self}: {cause}")),
            StoreError::Corrupt(cause) => StoreError::Corrupt(format!("{self}: {cause}")),
        }
    }
}

impl<S> fmt::Display for Shard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database of slots {}-{}", self.slots.start(), self.slots.end())
    }
}
