//! The children of one actor as a table: written by the parent's driver, read by the tree.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::slot::AnySlot;

/// A child whatever its type.
pub(super) type ChildRef = Arc<dyn AnySlot>;

/// How many children that ended badly stay visible in the tree.
const KEPT_ENDED: usize = 32;

#[derive(Default)]
pub(super) struct Children {
    by_name: BTreeMap<Arc<str>, ChildRef>,
    ended: VecDeque<ChildRef>,
    last_id: u64,
}

impl Children {
    /// A number for the next child; they rise in start order.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn get(&self, name: &str) -> Option<&ChildRef> {
        self.by_name.get(name)
    }

    pub(super) fn insert(&mut self, child: ChildRef) {
        let name = Arc::clone(&child.node().name);
        self.ended.retain(|ended| ended.node().name != name);
        self.by_name.insert(name, child);
    }

    /// Forgets a child that ended for good. `keep` leaves it visible for a while; the one that has to go
    /// for it is returned.
    pub(super) fn remove(&mut self, child: &ChildRef, keep: bool) -> Option<ChildRef> {
        let node = child.node();
        let current = self.by_name.get(&node.name).is_some_and(|known| known.node().id == node.id);
        if !current {
            return None;
        }
        self.by_name.remove(&node.name);
        if !keep {
            return None;
        }
        self.ended.push_back(Arc::clone(child));
        if self.ended.len() > KEPT_ENDED { self.ended.pop_front() } else { None }
    }

    /// None is left that has not ended.
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Whether one of them has not reported an exit since it was started.
    pub(super) fn any_up(&self) -> bool {
        self.by_name.values().any(|child| !child.node().is_down())
    }

    /// How many the tree shows, ended ones included.
    pub(super) fn visible_count(&self) -> usize {
        self.by_name.len() + self.ended.len()
    }

    /// Those that are not ended, in the order they were started.
    pub(super) fn in_start_order(&self) -> Vec<ChildRef> {
        let mut children: Vec<ChildRef> = self.by_name.values().cloned().collect();
        children.sort_by_key(|child| child.node().id);
        children
    }

    /// All that the tree shows, ended ones included.
    pub(super) fn visible(&self) -> Vec<ChildRef> {
        self.by_name.values().chain(&self.ended).cloned().collect()
    }

    /// The child with that name, ended ones included.
    pub(super) fn find(&self, name: &str) -> Option<ChildRef> {
        let ended = || self.ended.iter().find(|child| &*child.node().name == name);
        self.by_name.get(name).or_else(ended).cloned()
    }
}
