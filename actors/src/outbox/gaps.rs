//! Payments whose next record came before earlier ones were seen: what waits, and what is to be asked of the table.
//!
//! Owns the records that wait. Never asks by itself; the lane does, few questions at a time: after a long outage
//! there may be a question for every payment, and other work wants the store too.

use std::collections::{BTreeMap, VecDeque};

use payment_schema::ids::PaymentId;

use crate::ports::journal_store::OutboxRecord;

const QUESTIONS_AT_ONCE: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Never empty for a payment: the first record is the one in question.
    waiting: BTreeMap<PaymentId, Vec<OutboxRecord>>,
    unasked: VecDeque<(PaymentId, u64)>,
    asking: usize,
    held: usize,
}

impl Gaps {
    /// How many records wait.
    pub(super) fn len(&self) -> usize {
        self.held
    }

    /// Keeps a record that came too early: `seq` in its payment.
    pub(super) fn open(&mut self, record: OutboxRecord, seq: u64) {
        self.unasked.push_back((record.payment_id, seq));
        self.waiting.insert(record.payment_id, vec![record]);
        self.held += 1;
    }

    /// Keeps a record whose payment waits already; hands back any other.
    pub(super) fn keep(&mut self, record: OutboxRecord) -> Option<OutboxRecord> {
        let Some(waiting) = self.waiting.get_mut(&record.payment_id) else {
            return Some(record);
        };
        if waiting.iter().all(|known| known.event_id != record.event_id) {
            waiting.push(record);
            self.held += 1;
        }
        None
    }

    /// The next question: what does the table still hold of this payment before that number?
    pub(super) fn ask(&mut self) -> Option<(PaymentId, u64)> {
        if self.asking == QUESTIONS_AT_ONCE {
            return None;
        }
        let question = self.unasked.pop_front()?;
        self.asking += 1;
        Some(question)
    }

    /// The question about this payment was answered: hands back what waited for it.
    pub(super) fn answered(&mut self, id: PaymentId) -> Vec<OutboxRecord> {
        self.asking = self.asking.saturating_sub(1);
        let waiting = self.waiting.remove(&id).unwrap_or_default();
        self.held -= waiting.len();
        waiting
    }
}
