//! One store over several databases that share the merchants by their slots.
//!
//! Owns the routing: whatever concerns a payment or a merchant goes to its database, whose number everybody can tell
//! from the payment's id. What concerns all is asked of all and put together; a view that one of them does not answer
//! fails and names it, while sweeps take what the others give. So a database that is away hurts its own merchants
//! and nobody else. Never joins rows of two databases: no payment has rows in two.
//!
//! What belongs to no payment is kept in the first database: API keys, and letters of records that name no payment.

mod api_keys;
mod connect;
mod journal;
mod operators;
mod outbox;
mod pages;
mod payments;
mod shard;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use payment_actors::ports::databases::Databases;
use payment_actors::ports::{Store, StoreError};
use payment_schema::ids::{SLOTS, Slot};

pub use shard::Shard;

/// The store. Clones share the databases.
pub struct ShardedStore<S> {
    shards: Arc<[Shard<S>]>,
    databases: Databases,
    /// Where the next sweep begins, so that a long queue in one database does not keep others waiting.
    next_sweep: Arc<AtomicUsize>,
}

impl<S> Clone for ShardedStore<S> {
    fn clone(&self) -> Self {
        Self {
            shards: Arc::clone(&self.shards),
            databases: self.databases.clone(),
            next_sweep: Arc::clone(&self.next_sweep),
        }
    }
}

/// Why slots are not shared out as they must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlotsError {
    /// A range ends before it begins, or beyond the last slot.
    #[error("slots {}-{} are not a range within 0-1023; write the lower one first", .0.start(), .0.end())]
    Range(RangeInclusive<u16>),
    /// Two databases would keep a slot.
    #[error("slot {0} is given to two databases; let the ranges meet without overlapping")]
    Twice(u16),
    /// No database would keep a slot.
    #[error("slot {0} is given to no database; let the ranges cover 0-1023")]
    Missing(u16),
}

/// The map of ranges, the first range's database having number 0.
///
/// # Errors
/// When they do not cover every slot exactly once.
pub fn databases_of(ranges: &[RangeInclusive<u16>]) -> Result<Databases, SlotsError> {
    let slots = usize::try_from(SLOTS).expect("there are few slots");
    let mut of_slot: Vec<Option<usize>> = vec![None; slots];
    for (database, range) in ranges.iter().enumerate() {
        let places = usize::from(*range.start())..=usize::from(*range.end());
        let Some(places) = (!range.is_empty()).then(|| of_slot.get_mut(places)).flatten() else {
            return Err(SlotsError::Range(range.clone()));
        };
        for (slot, place) in range.clone().zip(places) {
            if place.replace(database).is_some() {
                return Err(SlotsError::Twice(slot));
            }
        }
    }
    let kept = (0..).zip(of_slot).map(|(slot, database)| database.ok_or(SlotsError::Missing(slot)));
    Ok(Databases::by_slot(kept.collect::<Result<_, _>>()?))
}

impl<S: Store> ShardedStore<S> {
    /// The store over these databases.
    ///
    /// # Errors
    /// When their slots do not cover every slot exactly once.
    pub fn new(shards: Vec<Shard<S>>) -> Result<Self, SlotsError> {
        let ranges: Vec<_> = shards.iter().map(|shard| shard.slots().clone()).collect();
        let databases = databases_of(&ranges)?;
        Ok(Self { shards: shards.into(), databases, next_sweep: Arc::default() })
    }

    fn shard(&self, database: usize) -> &Shard<S> {
        self.shards.get(database).expect("the map names no other databases")
    }

    fn keeping(&self, slot: Slot) -> &Shard<S> {
        self.shard(self.databases.keeping(slot))
    }

    /// The first database, which keeps what belongs to no payment.
    fn home(&self) -> &Shard<S> {
        self.shard(0)
    }

    /// Items by database, each with its place.
    fn parts<T: Clone>(&self, items: &[T], slot: impl Fn(&T) -> Option<Slot>) -> Vec<Part<'_, S, T>> {
        let mut by_database: BTreeMap<usize, (Vec<usize>, Vec<T>)> = BTreeMap::new();
        for (place, item) in items.iter().enumerate() {
            let database = slot(item).map_or(0, |slot| self.databases.keeping(slot));
            let (places, part) = by_database.entry(database).or_default();
            places.push(place);
            part.push(item.clone());
        }
        let part = |(database, (places, items))| Part { shard: self.shard(database), places, items };
        by_database.into_iter().map(part).collect()
    }
}

/// Those of a list's items that one database keeps.
struct Part<'s, S, T> {
    shard: &'s Shard<S>,
    places: Vec<usize>,
    items: Vec<T>,
}

/// Puts the answers about the parts of a list into the list's order.
fn put_together<R>(answers: Vec<(Vec<usize>, Vec<R>)>) -> Vec<R> {
    let pairs = answers.into_iter().flat_map(|(places, answers)| places.into_iter().zip(answers));
    let in_order: BTreeMap<usize, R> = pairs.collect();
    in_order.into_values().collect()
}

/// All answers, or the first failure; the others have been asked all the same.
fn all<T>(answers: Vec<Result<T, StoreError>>) -> Result<Vec<T>, StoreError> {
    answers.into_iter().collect()
}

/// Asks one database.
macro_rules! asking {
    ($shard:expr, |$store:ident| $question:expr) => {{
        let shard = $shard;
        match shard.store().await {
            Ok($store) => $question.await.map_err(|error| shard.name(error)),
            Err(error) => Err(error),
        }
    }};
}

/// Asks all databases at the same time; their answers in order.
macro_rules! asking_all {
    ($sharded:expr, |$store:ident| $question:expr) => {{
        let asked = $sharded
            .shards
            .iter()
            .map(|shard| async move { $crate::shards::asking!(shard, |$store| $question) });
        futures_util::future::join_all(asked).await
    }};
}

use {asking, asking_all};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_every_slot_once() {
        let databases = databases_of(&[512..=1023, 0..=511]).expect("they cover all");
        assert_eq!(databases.count(), 2);
        for (ranges, expected) in [
            (vec![], SlotsError::Missing(0)),
            (vec![0..=511], SlotsError::Missing(512)),
            (vec![0..=511, 513..=1023], SlotsError::Missing(512)),
            (vec![0..=512, 512..=1023], SlotsError::Twice(512)),
            (vec![0..=1024], SlotsError::Range(0..=1024)),
            #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
            (vec![511..=0], SlotsError::Range(511..=0)),
        ] {
            assert_eq!(databases_of(&ranges), Err(expected), "{ranges:?}");
        }
    }

    #[test]
    fn answers_about_parts_come_in_the_order_of_the_whole() {
        let answers = vec![(vec![1, 3], vec!['b', 'd']), (vec![0, 2], vec!['a', 'c'])];
        assert_eq!(put_together(answers), ['a', 'b', 'c', 'd']);
    }
}
