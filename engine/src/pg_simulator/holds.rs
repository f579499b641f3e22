//! Holds: money that an authorization reserved, and what became of it.
//!
//! One entry of 48 bytes per approved authorization, in chunks so that a growing record never copies what it
//! already has. It never checks a rule.

use std::collections::HashMap;

use super::answer::{Currency, HoldId};

/// Chunks bound what one growth step allocates: 4,096 holds are 192 KiB.
const CHUNK: usize = 4_096;

/// What became of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoldState {
    Open,
    Voided,
    Captured,
}

/// A merchant's name as a number, so that a hold stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MerchantNo(u32);

/// Money reserved for one payment.
#[derive(Debug, Clone)]
pub(super) struct Hold {
    pub(super) payment_id: u64,
    pub(super) authorized: u64,
    /// Zero until captured; then what was taken, once.
    pub(super) captured: u64,
    /// Sum of the approved refunds.
    pub(super) refunded: u64,
    /// Milliseconds since the Unix epoch.
    pub(super) expires_at: i64,
    pub(super) merchant: MerchantNo,
    pub(super) currency: Currency,
    pub(super) state: HoldState,
}

// Load tests record millions of payments in one run.
const _: () = assert!(size_of::<Hold>() <= 48);

/// All holds by number.
#[derive(Default)]
pub(super) struct Holds {
    chunks: Vec<Vec<Hold>>,
}

impl Holds {
    pub(super) fn get(&self, id: HoldId) -> Option<&Hold> {
        let (chunk, place) = position(id)?;
        self.chunks.get(chunk)?.get(place)
    }

    pub(super) fn get_mut(&mut self, id: HoldId) -> Option<&mut Hold> {
        let (chunk, place) = position(id)?;
        self.chunks.get_mut(chunk)?.get_mut(place)
    }

    /// The number the next hold will get.
    pub(super) fn next_id(&self) -> HoldId {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        let held = full + self.chunks.last().map_or(0, Vec::len);
        HoldId(held as u64 + 1)
    }

    pub(super) fn push(&mut self, hold: Hold) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(hold),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(hold);
                self.chunks.push(chunk);
            }
        }
    }
}

fn position(id: HoldId) -> Option<(usize, usize)> {
    let index = usize::try_from(id.0.checked_sub(1)?).ok()?;
    Some((index / CHUNK, index % CHUNK))
}

/// Merchants that ever had a hold.
#[derive(Default)]
pub(super) struct Merchants(HashMap<Box<str>, MerchantNo>);

impl Merchants {
    pub(super) fn known(&self, name: &str) -> Option<MerchantNo> {
        self.0.get(name).copied()
    }

    pub(super) fn number(&mut self, name: &str) -> MerchantNo {
        if let Some(known) = self.known(name) {
            return known;
        }
        let number = MerchantNo(u32::try_from(self.0.len()).expect("fewer than 2^32 merchants"));
        self.0.insert(name.into(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_across_chunks() {
        let mut holds = Holds::default();
        let count = CHUNK as u64 * 2 + 3;
        for number in 1..=count {
            assert_eq!(holds.next_id(), HoldId(number));
            holds.push(Hold {
                payment_id: number,
                authorized: 1,
                captured: 0,
                refunded: 0,
                expires_at: 0,
                merchant: MerchantNo(0),
                currency: "KRW".parse().expect("a currency"),
                state: HoldState::Open,
            });
        }
        assert!((1..=count).all(|number| holds.get(HoldId(number)).is_some_and(|h| h.payment_id == number)));
        assert!(holds.get(HoldId(0)).is_none());
        assert!(holds.get(HoldId(count + 1)).is_none());
    }
}
