//! Ending several children in reverse start order, each batch only after the one started later has ended.
//! Neighbours of one kind (shards, lanes, payments) are one batch and end together, so that a pool of
//! thousands takes one shutdown time, not thousands.

use std::collections::BTreeSet;

use super::children::ChildRef;
use super::control::Command;
use super::exit::ExitReason;
use super::spec::Policy;

/// What the children are told.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// Stop, keep the slot for the next incarnation. Temporary children end instead.
    Rest { reason: ExitReason, detail: String },
    /// End for good.
    End,
}

pub(super) struct Sweep {
    /// In start order; the last goes first.
    remaining: Vec<ChildRef>,
    awaited: BTreeSet<u64>,
    order: Order,
}

impl Sweep {
    /// `children` in start order.
    pub(super) fn new(children: Vec<ChildRef>, order: Order) -> Self {
        Self { remaining: children, awaited: BTreeSet::new(), order }
    }

    /// A child reported that it stopped or ended.
    pub(super) fn settle(&mut self, child: &ChildRef) {
        self.awaited.remove(&child.node().id);
    }

    /// Tells the next batch once the one before has ended; true when none is left.
    pub(super) fn advance(&mut self) -> bool {
        while self.awaited.is_empty() {
            let Some(last) = self.remaining.pop() else { return true };
            let kind = last.node().settings().kind;
            self.tell(&last);
            while let Some(peer) = self.remaining.pop_if(|peer| peer.node().settings().kind == kind) {
                self.tell(&peer);
            }
        }
        false
    }

    fn tell(&mut self, child: &ChildRef) {
        let node = child.node();
        let command = match &self.order {
            Order::Rest { reason, detail } if node.settings().policy != Policy::Temporary => {
                if node.is_down() {
                    return;
                }
                Command::Stop { reason: *reason, detail: detail.clone() }
            }
            Order::Rest { .. } | Order::End => Command::End,
        };
        if node.control.push(command) {
            self.awaited.insert(node.id);
        }
    }
}
