//! A batch of the journal on its way: which of its appends are written in the next transaction, and what became of
//! the others.
//!
//! Owns the judgement of conflicts; what the tables hold is told to it. Never talks to the server.

use std::collections::{BTreeMap, BTreeSet};

use payment_actors::ports::journal_store::{Append, AppendOutcome, KeyClaim, KeyRecord};
use payment_schema::ids::{MerchantId, PaymentId, Version};
use payment_schema::text::IdempotencyKey;

use super::keys::TakenKey;

/// A key with its merchant.
pub(super) type FullKey<'b> = (&'b MerchantId, &'b IdempotencyKey);

/// An append with what can be made of it before a transaction is open.
pub(super) struct Entry<'b> {
    pub(super) append: &'b Append,
    pub(super) document: String,
    /// The key's row is there already, written by this very append.
    pub(super) has_key: bool,
}

impl<'b> Entry<'b> {
    pub(super) fn is_new(&self) -> bool {
        self.append.expected == Version::NONE
    }

    /// The key it takes, if any.
    pub(super) fn claim(&self) -> Option<(FullKey<'b>, &'b KeyClaim)> {
        let append = self.append;
        append.key.as_ref().map(|claim| ((&append.payment.merchant_id, &claim.key), claim))
    }

    fn is_owner(&self, taken: &TakenKey) -> bool {
        taken.is_of(self.append.payment.id, self.append.token)
    }
}

/// What one transaction writes.
pub(super) struct Round {
    /// Places in the batch.
    pub(super) written: Vec<usize>,
    /// Appends whose key another of the same transaction takes before them; that one's place beside each.
    behind: Vec<(usize, usize)>,
}

/// What the tables hold that an append may collide with.
#[derive(Default)]
pub(super) struct Holdings<'b> {
    pub(super) versions: BTreeMap<PaymentId, Version>,
    pub(super) keys: BTreeMap<FullKey<'b>, TakenKey>,
}

/// A batch and what became of it so far.
pub(super) struct Plan<'b> {
    pub(super) entries: Vec<Entry<'b>>,
    outcomes: Vec<Option<AppendOutcome>>,
}

impl<'b> Plan<'b> {
    /// Renders the payments, which is the costly part.
    pub(super) fn new(batch: &'b [Append]) -> Self {
        let entry = |append: &'b Append| Entry {
            append,
            document: append.payment.to_document_with_room(),
            has_key: false,
        };
        Self { entries: batch.iter().map(entry).collect(), outcomes: vec![None; batch.len()] }
    }

    /// What to write next; nothing when every append has its outcome.
    pub(super) fn round(&self) -> Option<Round> {
        let mut first: BTreeMap<FullKey<'_>, usize> = BTreeMap::new();
        let (mut written, mut behind) = (Vec::new(), Vec::new());
        let open = self.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_none());
        for (place, _) in open {
            let before = self.entries[place].claim().and_then(|(key, _)| first.get(&key).copied());
            if let Some(before) = before {
                behind.push((place, before));
                continue;
            }
            written.push(place);
            if let Some((key, _)) = self.entries[place].claim() {
                first.insert(key, place);
            }
        }
        (!written.is_empty()).then_some(Round { written, behind })
    }

    /// The transaction of this round is durable.
    pub(super) fn committed(&mut self, round: &Round) {
        for place in &round.written {
            self.outcomes[*place] = Some(AppendOutcome::Committed);
        }
        for (place, before) in &round.behind {
            self.outcomes[*place] = Some(AppendOutcome::KeyTaken(owner(self.entries[*before].append)));
        }
    }

    /// Takes out what collides with what the tables hold; says whether there was anything.
    pub(super) fn take_out(&mut self, round: &Round, holdings: &Holdings<'_>) -> bool {
        let mut changed = false;
        for place in &round.written {
            let entry = &mut self.entries[*place];
            let taken = entry.claim().and_then(|(key, _)| holdings.keys.get(&key));
            let version = holdings.versions.get(&entry.append.payment.id).copied().unwrap_or(Version::NONE);
            let outcome = match taken {
                Some(taken) if !entry.is_owner(taken) => Some(AppendOutcome::KeyTaken(taken.record.clone())),
                _ if version != entry.append.expected => Some(AppendOutcome::VersionConflict),
                _ => None,
            };
            let has_key = taken.is_some() && outcome.is_none();
            changed |= outcome.is_some() || has_key != entry.has_key;
            entry.has_key = has_key;
            self.outcomes[*place] = outcome;
        }
        changed
    }

    /// What became of each append, in the order of the batch.
    pub(super) fn outcomes(self) -> Vec<AppendOutcome> {
        let decided = self.outcomes.into_iter();
        decided.map(|outcome| outcome.expect("there is a round as long as an outcome is missing")).collect()
    }
}

impl Round {
    /// Payments that must be at the version their change was decided on.
    pub(super) fn moved(&self, plan: &Plan<'_>) -> BTreeSet<PaymentId> {
        let written = self.written.iter().map(|place| &plan.entries[*place]);
        written.filter(|entry| !entry.is_new()).map(|entry| entry.append.payment.id).collect()
    }
}

/// The row of a key that this append took.
fn owner(append: &Append) -> KeyRecord {
    let claim = append.key.as_ref().expect("another append waits behind its key");
    let answer = append.answers.iter().find(|(key, _)| *key == claim.key);
    KeyRecord {
        fingerprint: claim.fingerprint,
        payment_id: append.payment.id,
        operation: claim.operation.to_owned(),
        answer: answer.map(|(_, answer)| answer.clone()),
    }
}
