//! What the record amounts to: which keys have an answer and where it is, the holds, and the authorizations
//! that a void forbade before they were seen.
//!
//! Everything here follows from record entries through [`Books::post`] alone, live and at start alike, so a
//! restarted simulator knows exactly what it knew. It never reads or writes the file.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::answer::{HoldId, ResponseCode, Status};
use super::holds::{Hold, HoldState, Holds, Merchants};
use super::operation::{Operation, OperationKey};
use super::record::Entry;
use super::request::{Request, Subject};
use super::rules::{self, Claim};

/// The index is split so that growing it rehashes a small part at a time, while requests wait for the lock.
const SHARDS: usize = 64;

type PackedKey = (u64, u64);

/// The state of the gateway's accounts.
pub(super) struct Books {
    /// Where in the record each key's entry starts: 24 bytes per operation before the table's slack.
    index: Vec<HashMap<PackedKey, u64>>,
    shard_hash: RandomState,
    holds: Holds,
    merchants: Merchants,
    /// Authorizations that must not be approved any more, until their own (declined) entry says so.
    forbidden: HashSet<PackedKey>,
}

impl Books {
    pub(super) fn new() -> Self {
        Self {
            index: vec![HashMap::new(); SHARDS],
            shard_hash: RandomState::new(),
            holds: Holds::default(),
            merchants: Merchants::default(),
            forbidden: HashSet::new(),
        }
    }

    /// Where the entry of `key` starts in the record; none when the key has no recorded answer.
    pub(super) fn position(&self, key: &OperationKey) -> Option<u64> {
        let packed = key.packed();
        self.index[self.shard(&packed)].get(&packed).copied()
    }

    /// The hold that the next approved authorization makes.
    pub(super) fn next_hold(&self) -> HoldId {
        self.holds.next_id()
    }

    /// What the rules say to `request`, whose subject resolved to `hold`.
    pub(super) fn judge(&self, request: &Request, hold: Option<HoldId>, now: i64) -> ResponseCode {
        if request.subject == Subject::NewHold && self.forbidden.contains(&request.key.packed()) {
            return ResponseCode::AuthorizationVoided;
        }
        let claim = Claim {
            payment_id: request.key.payment_id,
            merchant: self.merchants.known(&request.merchant_id),
            currency: request.currency,
            amount: request.amount,
            now,
        };
        rules::judge(request.key.operation, hold.and_then(|id| self.holds.get(id)), &claim)
    }

    /// Takes one entry into the books. `position` is where it starts in the record.
    pub(super) fn post(&mut self, entry: &Entry<'_>, position: u64) {
        let key = entry.answer.key;
        let packed = key.packed();
        let shard = self.shard(&packed);
        self.index[shard].insert(packed, position);
        match key.operation {
            Operation::Authorize => self.post_authorization(entry, packed),
            Operation::Capture | Operation::Refund | Operation::Void => self.post_movement(entry),
        }
    }

    fn post_authorization(&mut self, entry: &Entry<'_>, packed: PackedKey) {
        // Whatever it says, it is final now and needs no prohibition any more.
        self.forbidden.remove(&packed);
        if entry.answer.status == Status::Approved {
            self.holds.push(Hold {
                payment_id: entry.answer.payment_id,
                authorized: entry.answer.amount,
                captured: 0,
                refunded: 0,
                expires_at: entry.answer.expires_at.map_or(i64::MAX, |at| at.timestamp_millis()),
                merchant: self.merchants.number(&entry.answer.merchant_id),
                currency: entry.answer.currency,
                state: HoldState::Open,
            });
        }
    }

    fn post_movement(&mut self, entry: &Entry<'_>) {
        let answer = &entry.answer;
        match (answer.status, answer.transaction_id) {
            (Status::Approved, Some(transaction)) => {
                if let Some(hold) = self.holds.get_mut(transaction.hold) {
                    move_money(hold, answer.operation, answer.amount);
                }
            }
            (Status::Approved | Status::Declined | Status::Failed | Status::Processing, _) => {
                let seen = entry.authorization_key.is_some_and(|key| self.position(&key).is_some());
                if let (ResponseCode::NoSuchHold, Some(key), false) =
                    (answer.response_code, entry.authorization_key, seen)
                {
                    self.forbidden.insert(key.packed());
                }
            }
        }
    }

    fn shard(&self, packed: &PackedKey) -> usize {
        // A hasher of its own: with the tables' own hash every shard would use a sixty-fourth of its buckets.
        let hash = self.shard_hash.hash_one(packed);
        usize::try_from(hash % SHARDS as u64).expect("a number below 64")
    }
}

fn move_money(hold: &mut Hold, operation: Operation, amount: u64) {
    match operation {
        Operation::Capture => {
            hold.captured = amount;
            hold.state = HoldState::Captured;
        }
        Operation::Refund => hold.refunded += amount,
        Operation::Void => hold.state = HoldState::Voided,
        Operation::Authorize => {}
    }
}
