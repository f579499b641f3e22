//! What a gateway approves, as one pure function over a hold.
//!
//! It owns the rules and nothing else: no state, no clock, no chance. Effects of an approval are in `books`.

use super::answer::{Currency, ResponseCode};
use super::holds::{Hold, HoldState, MerchantNo};
use super::operation::Operation;

/// What a request claims to be entitled to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) payment_id: u64,
    /// None for a merchant that never had a hold.
    pub(super) merchant: Option<MerchantNo>,
    pub(super) currency: Currency,
    /// Minor units.
    pub(super) amount: u64,
    /// Milliseconds since the Unix epoch.
    pub(super) now: i64,
}

/// Judges a capture, refund or void of a hold: [`ResponseCode::Approved`] or the reason against it. Somebody
/// else's hold is no hold, so that nothing about it leaks. An authorize needs no hold and is always approved;
/// a second one for the same payment too, for a gateway has no reason to object.
pub(super) fn judge(operation: Operation, hold: Option<&Hold>, claim: &Claim) -> ResponseCode {
    let own = hold.filter(|hold| belongs(hold, claim));
    match (operation, own) {
        (Operation::Authorize, _) => ResponseCode::Approved,
        (Operation::Capture | Operation::Refund | Operation::Void, None) => ResponseCode::NoSuchHold,
        (Operation::Capture, Some(hold)) => capture(hold, claim),
        (Operation::Refund, Some(hold)) => refund(hold, claim),
        (Operation::Void, Some(hold)) => void(hold),
    }
}

fn belongs(hold: &Hold, claim: &Claim) -> bool {
    hold.payment_id == claim.payment_id
        && Some(hold.merchant) == claim.merchant
        && hold.currency == claim.currency
}

/// Once per hold and final: what a partial capture leaves is released, not left to capture.
fn capture(hold: &Hold, claim: &Claim) -> ResponseCode {
    match hold.state {
        HoldState::Captured => ResponseCode::AlreadyCaptured,
        HoldState::Voided => ResponseCode::HoldVoided,
        HoldState::Open if claim.now >= hold.expires_at => ResponseCode::HoldExpired,
        HoldState::Open if claim.amount > hold.authorized => ResponseCode::AmountExceedsAuthorized,
        HoldState::Open => ResponseCode::Approved,
    }
}

fn refund(hold: &Hold, claim: &Claim) -> ResponseCode {
    match hold.state {
        HoldState::Open => ResponseCode::NotCaptured,
        HoldState::Voided => ResponseCode::HoldVoided,
        HoldState::Captured if claim.amount > hold.captured - hold.refunded => {
            ResponseCode::AmountExceedsRefundable
        }
        HoldState::Captured => ResponseCode::Approved,
    }
}

/// An expired hold may still be voided: the merchant's side must be able to close its books.
fn void(hold: &Hold) -> ResponseCode {
    match hold.state {
        HoldState::Open => ResponseCode::Approved,
        HoldState::Captured => ResponseCode::AlreadyCaptured,
        HoldState::Voided => ResponseCode::NoSuchHold,
    }
}
