//! What a lane still has to publish, in order per payment.
//!
//! Owns ordering and recognition of repeats. Never does I/O; the lane does, and tells what came of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use payment_schema::ids::{EventId, PaymentId};

use crate::ports::journal_store::{OutboxKey, OutboxRecord};

/// What is known of the events of its payment that precede an offered record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    /// Nothing. A sweep is no better than a hand-over: while it turned a page, an earlier event may have been committed
    /// at a position that it had passed.
    Unknown,
    /// Those not published yet were offered before it.
    Offered,
}

/// What became of an offered record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Offered {
    /// It waits its turn.
    Queued,
    /// It is already waiting, or its publication is under way.
    Waiting,
    /// It was published before; only its mark may be missing.
    Published(OutboxKey),
    /// Earlier events of its payment may still be in the table; they must be offered first. Its number beside it.
    AfterGap(OutboxRecord, u64),
}

/// How many payments' last event numbers are remembered; older ones are asked of the table.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<OutboxRecord>,
    /// Payments with a record that failed: theirs wait here, so that all others go on.
    parked: BTreeMap<PaymentId, VecDeque<OutboxRecord>>,
    /// Every record that is ready, parked or on its way.
    held: BTreeSet<EventId>,
    /// The last event of each payment that was queued or published here.
    last_seen: BTreeMap<PaymentId, u64>,
}

impl Queue {
    /// How many records wait or are on their way.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// How many payments are held up by a failed record.
    pub(super) fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Takes a record in, unless it is known or comes too early.
    pub(super) fn offer(&mut self, record: OutboxRecord, earlier: Earlier) -> Offered {
        if self.held.contains(&record.event_id) {
            return Offered::Waiting;
        }
        if let Some(seq) = record.event_seq {
            let seen = self.last_seen.get(&record.payment_id).copied();
            match seen {
                Some(seen) if seen >= seq => return Offered::Published(record.key()),
                Some(seen) if seen + 1 == seq => {}
                Some(_) | None if seq == 1 || earlier == Earlier::Offered => {}
                Some(_) | None => return Offered::AfterGap(record, seq),
            }
            self.remember(record.payment_id, seq);
        }
        self.held.insert(record.event_id);
        match self.parked.get_mut(&record.payment_id) {
            Some(parked) => parked.push_back(record),
            None => self.ready.push_back(record),
        }
        Offered::Queued
    }

    fn remember(&mut self, id: PaymentId, seq: u64) {
        self.last_seen.insert(id, seq);
        if self.last_seen.len() > REMEMBERED {
            self.last_seen.pop_first();
        }
    }

    /// The next records to publish, at most `most`.
    pub(super) fn take(&mut self, most: usize) -> Vec<OutboxRecord> {
        let count = most.min(self.ready.len());
        self.ready.drain(..count).collect()
    }

    /// Records on their way were published.
    pub(super) fn published(&mut self, record: &OutboxRecord) {
        self.held.remove(&record.event_id);
    }

    /// A whole batch failed: it goes first again.
    pub(super) fn put_back(&mut self, batch: Vec<OutboxRecord>) {
        for record in batch.into_iter().rev() {
            self.ready.push_front(record);
        }
    }

    /// One record failed while others did not: its payment waits, with all its records in order. Of several that
    /// failed, the last one is parked first: each is older than all that its payment has waiting.
    pub(super) fn park(&mut self, failed: OutboxRecord) {
        let id = failed.payment_id;
        let (mut mine, others): (VecDeque<_>, VecDeque<_>) =
            self.ready.drain(..).partition(|record| record.payment_id == id);
        self.ready = others;
        let parked = self.parked.entry(id).or_default();
        parked.append(&mut mine);
        parked.push_front(failed);
    }

    /// Parked payments are tried again, before everything else.
    pub(super) fn unpark(&mut self) {
        for (_, mut records) in std::mem::take(&mut self.parked) {
            records.append(&mut self.ready);
            self.ready = records;
        }
    }

    /// How much could be published now.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }
}
