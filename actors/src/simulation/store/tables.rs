//! The rows, and what a transaction does to them.
//!
//! Owns the unique keys and the fence. Knows nothing of delays or faults: every method here is one atomic step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use payment_schema::dead_letter::{DeadLetter, LetterChange, LetterStatus};
use payment_schema::ids::{EventId, MerchantId, OperationNo, PaymentId, Version};
use payment_schema::ledger::{Movement, Side};
use payment_schema::operation::Operation;
use payment_schema::payment::{Due, Payment};
use payment_schema::text::IdempotencyKey;
use payment_schema::time::Timestamp;
use payment_schema::transition::Transition;

use super::ApiKeyRows;
use crate::ports::journal_store::{Append, AppendOutcome, AuditEntry, CommitMark, KeyRecord, OutboxRecord};
use crate::ports::ledger_store::PostOutcome;

/// A row of `payment_transition`.
#[derive(Debug, Clone)]
pub struct TransitionRow {
    /// The step.
    pub transition: Transition,
    /// The token of the append that wrote it.
    pub token: u64,
}

/// A row of `outbox_event`.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// What is published.
    pub record: OutboxRecord,
    /// Since when it is known to be.
    pub published_at: Option<Timestamp>,
}

/// A row of `ledger_entry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// The movement it is one side of.
    pub movement: Movement,
    /// Which side.
    pub side: Side,
    /// When it was posted.
    pub posted_at: Timestamp,
}

/// Where an append's records stand in the outbox.
#[derive(Debug, Clone, Copy)]
pub(super) enum OutboxPlace {
    /// Behind all others.
    Last,
    /// So far on the way from the payment's last record to the end, as if the transaction had begun then.
    Between {
        /// Below 100.
        percent: u64,
    },
}

/// Leaves room for the records of transactions that began earlier.
const POSITIONS_APART: u64 = 1_000;

/// All tables.
#[derive(Debug, Default)]
pub struct Tables {
    /// Payments as last committed.
    pub payments: BTreeMap<PaymentId, Payment>,
    /// When a sweep must look at a payment.
    pub due: BTreeMap<PaymentId, Due>,
    /// Every step ever, by payment and version.
    pub transitions: BTreeMap<(PaymentId, Version), TransitionRow>,
    /// Keys that are taken.
    pub keys: BTreeMap<(MerchantId, IdempotencyKey), KeyRecord>,
    /// Records to publish, by position.
    pub outbox: BTreeMap<u64, OutboxRow>,
    /// Every record that was ever committed to the outbox; kept when its row is pruned.
    pub ever_in_outbox: BTreeMap<EventId, OutboxRecord>,
    /// When in the run a record was first marked as published; kept when its row is pruned.
    pub ever_marked: BTreeMap<EventId, Duration>,
    /// Ledger rows in the order of posting.
    pub ledger: Vec<LedgerRow>,
    /// Dead letters with their position.
    pub letters: BTreeMap<String, (u64, DeadLetter)>,
    /// Operators' acts.
    pub audit: Vec<AuditEntry>,
    /// API keys.
    pub api_keys: ApiKeyRows,
    /// Captures, refunds and voids.
    pub requests: BTreeMap<(PaymentId, OperationNo), Operation>,
    /// Contradictions that a real database would have refused: what was wrong, per payment.
    pub refusals: Vec<(PaymentId, String)>,
    /// Which append took a key.
    key_tokens: BTreeMap<(MerchantId, IdempotencyKey), u64>,
    by_operation: BTreeMap<(PaymentId, OperationNo), usize>,
    by_event: BTreeSet<EventId>,
    last_outbox_position: u64,
    last_position_of: BTreeMap<PaymentId, u64>,
    /// By database.
    last_sequence: BTreeMap<usize, u64>,
}

impl Tables {
    /// The payment's version, [`Version::NONE`] before its first.
    #[must_use]
    pub fn version(&self, id: PaymentId) -> Version {
        self.payments.get(&id).map_or(Version::NONE, |payment| payment.version)
    }

    pub(super) fn append(&mut self, append: &Append, place: OutboxPlace) -> AppendOutcome {
        let id = append.payment.id;
        if self.version(id) != append.expected {
            return AppendOutcome::VersionConflict;
        }
        let merchant = &append.payment.merchant_id;
        if let Some(claim) = &append.key {
            let taken = self.keys.get(&(merchant.clone(), claim.key.clone()));
            if let Some(record) = taken {
                return AppendOutcome::KeyTaken(record.clone());
            }
        }
        self.write_payment(append);
        self.write_keys(append);
        for record in &append.outbox {
            self.write_outbox(record, place);
        }
        for change in &append.letters {
            self.write_letter(change);
        }
        self.audit.extend(append.audit.clone());
        AppendOutcome::Committed
    }

    fn write_payment(&mut self, append: &Append) {
        let id = append.payment.id;
        for transition in &append.transitions {
            let row = TransitionRow { transition: transition.clone(), token: append.token };
            if self.transitions.insert((id, transition.version), row).is_some() {
                self.refusals.push((id, format!("version {} was written twice", transition.version.0)));
            }
        }
        for operation in &append.requests {
            self.requests.insert((id, operation.no), operation.clone());
        }
        self.payments.insert(id, Payment::clone(&append.payment));
        match append.due {
            Some(due) => self.due.insert(id, due),
            None => self.due.remove(&id),
        };
    }

    fn write_keys(&mut self, append: &Append) {
        let merchant = &append.payment.merchant_id;
        if let Some(claim) = &append.key {
            let record = KeyRecord {
                fingerprint: claim.fingerprint,
                payment_id: append.payment.id,
                operation: claim.operation.to_owned(),
                answer: None,
            };
            let place = (merchant.clone(), claim.key.clone());
            self.key_tokens.insert(place.clone(), append.token);
            self.keys.insert(place, record);
        }
        for (key, answer) in &append.answers {
            if let Some(record) = self.keys.get_mut(&(merchant.clone(), key.clone())) {
                record.answer.get_or_insert_with(|| answer.clone());
            }
        }
    }

    fn write_outbox(&mut self, record: &OutboxRecord, place: OutboxPlace) {
        if self.ever_in_outbox.insert(record.event_id, record.clone()).is_some() {
            let what = format!("event {} was written twice", record.event_id);
            self.refusals.push((record.payment_id, what));
            return;
        }
        let last_of_payment = self.last_position_of.get(&record.payment_id).copied().unwrap_or(0);
        let mut position = match place {
            OutboxPlace::Last => self.last_outbox_position + POSITIONS_APART,
            OutboxPlace::Between { percent } => {
                last_of_payment + 1 + (self.last_outbox_position - last_of_payment) / 100 * percent
            }
        };
        while self.outbox.contains_key(&position) {
            position += 1;
        }
        self.last_outbox_position = self.last_outbox_position.max(position);
        self.last_position_of.insert(record.payment_id, position);
        let row = OutboxRow { record: record.clone(), published_at: None };
        self.outbox.insert(position, row);
    }

    fn write_letter(&mut self, change: &LetterChange) {
        match change {
            LetterChange::Open(letter) => self.put_letter(letter),
            LetterChange::Close { id, status, reason, at } => {
                self.close_letter(id, *status, reason, *at);
            }
        }
    }

    /// Writes a letter unless its id exists.
    pub(super) fn put_letter(&mut self, letter: &DeadLetter) {
        let position = self.letters.len() as u64 + 1;
        self.letters.entry(letter.id.clone()).or_insert_with(|| (position, letter.clone()));
    }

    /// Closes an open letter; says whether it was open.
    pub(super) fn close_letter(
        &mut self,
        id: &str,
        status: LetterStatus,
        reason: &str,
        at: Timestamp,
    ) -> bool {
        let Some((_, letter)) = self.letters.get_mut(id) else {
            return false;
        };
        let was_open = letter.status == LetterStatus::Open;
        if was_open {
            letter.status = status;
            letter.closed_at = Some(at);
            letter.closed_reason = Some(reason.to_owned());
        }
        was_open
    }

    pub(super) fn is_committed(&self, mark: &CommitMark) -> bool {
        let row = self.transitions.get(&(mark.payment_id, mark.version));
        if row.is_some_and(|row| row.token == mark.token) {
            return true;
        }
        if let Some(place) = &mark.key {
            return self.key_tokens.get(place) == Some(&mark.token);
        }
        // With a transition its token has decided; a letter's id alone may be another writer's.
        let letter = mark.letter_id.as_ref().filter(|_| mark.operation_no.is_none());
        letter.is_some_and(|letter| self.letters.contains_key(letter))
    }

    pub(super) fn reserve_sequences(&mut self, database: usize, count: u64) -> std::ops::Range<u64> {
        let last = self.last_sequence.entry(database).or_default();
        let first = *last + 1;
        *last += count;
        first..*last + 1
    }

    pub(super) fn post(&mut self, movement: &Movement, at: Timestamp) -> PostOutcome {
        if !self.payments.contains_key(&movement.payment_id) {
            return PostOutcome::UnknownPayment;
        }
        let operation = (movement.payment_id, movement.operation_no);
        if let Some(index) = self.by_operation.get(&operation) {
            let same = self.ledger[*index].movement == *movement;
            return if same { PostOutcome::AlreadyPosted } else { PostOutcome::Contradiction };
        }
        if self.by_event.contains(&movement.event_id) {
            return PostOutcome::Contradiction;
        }
        self.by_operation.insert(operation, self.ledger.len());
        self.by_event.insert(movement.event_id);
        for side in [Side::Debit, Side::Credit] {
            self.ledger.push(LedgerRow { movement: movement.clone(), side, posted_at: at });
        }
        PostOutcome::Posted
    }
}
