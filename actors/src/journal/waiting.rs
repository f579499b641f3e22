//! Appends that wait for their transaction.
//!
//! Owns whose turn it is: what was begun goes on before anything new is begun, so that under load a payment waits at
//! its birth, where it can still be refused, and not again in the middle.

use std::collections::{BTreeSet, VecDeque};

use payment_schema::ids::{PaymentId, Version};

use super::lane::Pending;

#[derive(Default)]
pub(super) struct Waiting {
    moves: VecDeque<Pending>,
    births: VecDeque<Pending>,
}

impl Waiting {
    pub(super) fn push(&mut self, pending: Pending) {
        let is_birth = pending.append.expected == Version::NONE;
        if is_birth { self.births.push_back(pending) } else { self.moves.push_back(pending) }
    }

    pub(super) fn len(&self) -> usize {
        self.moves.len() + self.births.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next batch: in order, at most one append of a payment. After a restart of its actor a payment may have two
    /// waiting; the second is for the next batch, where the fence judges it.
    pub(super) fn take(&mut self, most: usize) -> Vec<Pending> {
        let mut batch = Vec::with_capacity(self.len().min(most));
        let mut taken = BTreeSet::new();
        take_from(&mut self.moves, most, &mut batch, &mut taken);
        take_from(&mut self.births, most, &mut batch, &mut taken);
        batch
    }
}

fn take_from(
    queue: &mut VecDeque<Pending>,
    most: usize,
    batch: &mut Vec<Pending>,
    taken: &mut BTreeSet<PaymentId>,
) {
    let mut left = Vec::new();
    while batch.len() < most
        && let Some(pending) = queue.pop_front()
    {
        if taken.insert(pending.append.payment.id) {
            batch.push(pending);
        } else {
            left.push(pending);
        }
    }
    // Back into the same queue, whose room is wanted again at once.
    for pending in left.into_iter().rev() {
        queue.push_front(pending);
    }
}
