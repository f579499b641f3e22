//! What siblings of one kind have in common: how they are run, where they are and in what they are counted. Held
//! once for all of them, because a supervisor may have a million.

use std::sync::{Arc, Weak};

use super::children::ChildRef;
use super::slot::AnySlot;
use super::spec::Settings;
use super::statistics::KindCounts;
use super::system::Shared;

pub(super) struct Kin {
    pub(super) settings: Settings,
    pub(super) system: Arc<Shared>,
    pub(super) counts: Arc<KindCounts>,
    above: Option<Above>,
}

/// The actor above; only the root has none.
struct Above {
    path: String,
    slot: Weak<dyn AnySlot>,
}

impl Kin {
    pub(super) fn new(settings: Settings, parent: Option<&ChildRef>, system: &Arc<Shared>) -> Self {
        let above = parent.map(|slot| Above { path: slot.node().path(), slot: Arc::downgrade(slot) });
        let counts = system.counts_of(settings.kind);
        Self { settings, system: Arc::clone(system), counts, above }
    }

    /// The path of the one with this name.
    pub(super) fn path(&self, name: &str) -> String {
        match &self.above {
            Some(above) => format!("{}/{name}", above.path),
            None => name.to_owned(),
        }
    }

    pub(super) fn is_root(&self) -> bool {
        self.above.is_none()
    }

    pub(super) fn parent(&self) -> Option<ChildRef> {
        self.above.as_ref().and_then(|above| above.slot.upgrade())
    }
}
