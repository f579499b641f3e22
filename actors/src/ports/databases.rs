//! Which of a store's databases keeps which slot.
//!
//! Owns the map. Most stores have one database. With several, whoever writes or sweeps does so for each by itself, so
//! that one which is away holds up nobody but its own merchants.

use std::sync::Arc;

use payment_schema::ids::{SLOTS, Slot};

/// The databases of a store, by slot. Clones share the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Databases {
    count: usize,
    /// Empty when there is one.
    of_slot: Arc<[usize]>,
}

impl Databases {
    /// One database keeps everything.
    #[must_use]
    pub fn one() -> Self {
        Self { count: 1, of_slot: Arc::default() }
    }

    /// Several, numbered from 0: the one that keeps slot 0, slot 1, and so on.
    ///
    /// # Panics
    /// When not every slot is named.
    #[must_use]
    pub fn by_slot(of_slot: Vec<usize>) -> Self {
        assert_eq!(u64::try_from(of_slot.len()), Ok(SLOTS), "every slot has a database");
        let count = of_slot.iter().max().map_or(1, |last| last + 1);
        Self { count, of_slot: of_slot.into() }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of the one that keeps a slot.
    #[must_use]
    pub fn keeping(&self, slot: Slot) -> usize {
        self.of_slot.get(usize::from(slot.get())).copied().unwrap_or(0)
    }
}
