//! The children of one actor as a table: written by the parent's driver, read by the tree.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::kin::Kin;
use super::slot::AnySlot;
use super::spec::Settings;

/// A child whatever its type.
pub(super) type ChildRef = Arc<dyn AnySlot>;

/// How many children that ended badly stay visible in the tree.
const KEPT_ENDED: usize = 32;

/// Most actors never have a child, so the table is made for the first.
#[derive(Default)]
pub(super) struct Children {
    table: Option<Box<Table>>,
}

#[derive(Default)]
struct Table {
    by_name: BTreeMap<Arc<str>, ChildRef>,
    ended: VecDeque<ChildRef>,
    last_id: u64,
    kins: Vec<Arc<Kin>>,
}

impl Table {
    /// Not ended ones in the order of their names.
    fn current(&self) -> impl Iterator<Item = &ChildRef> {
        self.by_name.values()
    }
}

impl Children {
    fn table(&mut self) -> &mut Table {
        self.table.get_or_insert_default()
    }

    /// A number for the next child; they rise in start order.
    pub(super) fn next_id(&mut self) -> u64 {
        let table = self.table();
        table.last_id += 1;
        table.last_id
    }

    /// What a child with these settings has in common with its siblings.
    pub(super) fn kin(&mut self, settings: Settings, parent: &ChildRef) -> Arc<Kin> {
        let kins = &mut self.table().kins;
        if let Some(kin) = kins.iter().find(|kin| kin.settings == settings) {
            return Arc::clone(kin);
        }
        kins.retain(|kin| Arc::strong_count(kin) > 1);
        let kin = Arc::new(Kin::new(settings, Some(parent), parent.node().system()));
        kins.push(Arc::clone(&kin));
        kin
    }

    pub(super) fn get(&self, name: &str) -> Option<&ChildRef> {
        self.table.as_ref()?.by_name.get(name)
    }

    pub(super) fn insert(&mut self, child: ChildRef) {
        let name = Arc::clone(&child.node().name);
        let table = self.table();
        table.ended.retain(|ended| ended.node().name != name);
        table.by_name.insert(name, child);
    }

    /// Forgets a child that ended for good. `keep` leaves it visible for a while; the one that has to go
    /// for it is returned.
    pub(super) fn remove(&mut self, child: &ChildRef, keep: bool) -> Option<ChildRef> {
        let node = child.node();
        let current = self.get(&node.name).is_some_and(|known| known.node().id == node.id);
        if !current {
            return None;
        }
        let table = self.table();
        table.by_name.remove(&node.name);
        if !keep {
            return None;
        }
        table.ended.push_back(Arc::clone(child));
        if table.ended.len() > KEPT_ENDED { table.ended.pop_front() } else { None }
    }

    /// None is left that has not ended.
    pub(super) fn is_empty(&self) -> bool {
        self.table.as_ref().is_none_or(|table| table.by_name.is_empty())
    }

    /// Whether one of them has not reported an exit since it was started.
    pub(super) fn any_up(&self) -> bool {
        self.table.iter().flat_map(|table| table.current()).any(|child| !child.node().is_down())
    }

    /// How many the tree shows, ended ones included.
    pub(super) fn visible_count(&self) -> usize {
        self.table.as_ref().map_or(0, |table| table.by_name.len() + table.ended.len())
    }

    /// Those that are not ended, in the order they were started.
    pub(super) fn in_start_order(&self) -> Vec<ChildRef> {
        let mut children: Vec<ChildRef> =
            self.table.iter().flat_map(|table| table.current()).cloned().collect();
        children.sort_by_key(|child| child.node().id);
        children
    }

    /// All that the tree shows, ended ones included.
    pub(super) fn visible(&self) -> Vec<ChildRef> {
        self.table.iter().flat_map(|table| table.current().chain(&table.ended)).cloned().collect()
    }

    /// The child with that name, ended ones included.
    pub(super) fn find(&self, name: &str) -> Option<ChildRef> {
        let table = self.table.as_ref()?;
        let ended = || table.ended.iter().find(|child| &*child.node().name == name);
        table.by_name.get(name).or_else(ended).cloned()
    }
}
