//! The PG's books: what it recorded, and the rules by which it does.
//!
//! Owns the record (the oracle for money) and the holds. The first recorded answer of a key is final. Every
//! method is one atomic step; delays and faults are the network's.

use std::collections::{BTreeMap, BTreeSet};

use payment_schema::currency::Currency;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::money::Amount;
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::pg::{NO_SUCH_HOLD, PgRequest, Target};
use payment_schema::time::Timestamp;
use serde_json::json;

/// How a recorded operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Approved,
    /// Refused.
    Declined,
    /// Went wrong.
    Failed,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Failed => "failed",
        }
    }
}

/// One recorded operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: PgKey,
    /// The merchant.
    pub merchant_id: MerchantId,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, in the PG's codes.
    pub code: &'static str,
    /// Whether the PG would look at another try.
    pub retryable: bool,
    /// Its transaction, when approved.
    pub transaction_id: Option<String>,
    /// When it was recorded.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Open { payment_id: PaymentId, amount: u64 },
    Captured { payment_id: PaymentId, left: u64 },
    Voided,
}

/// What the PG knows.
#[derive(Debug, Default)]
pub struct Bank {
    record: Vec<Entry>,
    by_key: BTreeMap<PgKey, usize>,
    holds: BTreeMap<String, Hold>,
    barred: BTreeSet<PgKey>,
    at_work: BTreeSet<PgKey>,
}

type Ruling = (Verdict, &'static str, bool);

const APPROVED: Ruling = (Verdict::Approved, "APPROVED", false);

impl Bank {
    /// Everything recorded, oldest first.
    #[must_use]
    pub fn record(&self) -> &[Entry] {
        &self.record
    }

    /// What was recorded for a key.
    #[must_use]
    pub fn recorded(&self, key: PgKey) -> Option<&Entry> {
        self.by_key.get(&key).map(|index| &self.record[*index])
    }

    /// Whether the PG works on a key.
    #[must_use]
    pub fn is_at_work(&self, key: PgKey) -> bool {
        self.at_work.contains(&key)
    }

    pub(super) fn set_at_work(&mut self, key: PgKey, works: bool) {
        if works {
            self.at_work.insert(key);
        } else {
            self.at_work.remove(&key);
        }
    }

    /// How a request differs from what was recorded under its key.
    pub(super) fn contradiction(&self, request: &PgRequest) -> Option<String> {
        let entry = self.recorded(request.key)?;
        let same = entry.amount == request.amount
            && entry.currency == request.currency
            && entry.merchant_id == request.merchant_id;
        (!same).then(|| "the pg recorded that key for another amount, currency or merchant".to_owned())
    }

    /// Does what is asked, unless the key is recorded already. `mishap` ends it otherwise.
    pub(super) fn work(&mut self, request: &PgRequest, mishap: Option<Ruling>, now: Timestamp) {
        self.at_work.remove(&request.key);
        if self.by_key.contains_key(&request.key) {
            return;
        }
        let (verdict, code, retryable) = match (self.rule(request), mishap) {
            (APPROVED, Some(mishap)) => mishap,
            (ruling, _) => ruling,
        };
        if request.key.kind == OperationKind::Void
            && let Target::AuthorizationKey(authorization) = request.target
            && verdict != Verdict::Failed
        {
            self.barred.insert(authorization);
        }
        let transaction_id = (verdict == Verdict::Approved).then(|| self.move_money(request));
        self.by_key.insert(request.key, self.record.len());
        self.record.push(Entry {
            key: request.key,
            merchant_id: request.merchant_id.clone(),
            amount: request.amount,
            currency: request.currency,
            verdict,
            code,
            retryable,
            transaction_id,
            at: now,
        });
    }

    fn rule(&self, request: &PgRequest) -> Ruling {
        let payment_id = request.key.payment_id;
        let hold = self.target(request).and_then(|transaction| self.holds.get(&transaction));
        match (request.key.kind, hold) {
            (OperationKind::Authorize, _) if self.barred.contains(&request.key) => {
                (Verdict::Declined, "AUTHORIZATION_VOIDED", false)
            }
            (OperationKind::Authorize, _) => APPROVED,
            (OperationKind::Capture, Some(Hold::Open { payment_id: owner, amount }))
                if *owner == payment_id && request.amount.get() <= *amount =>
            {
                APPROVED
            }
            (OperationKind::Void, Some(Hold::Open { payment_id: owner, .. })) if *owner == payment_id => {
                APPROVED
            }
            (OperationKind::Refund, Some(Hold::Captured { payment_id: owner, left }))
                if *owner == payment_id && request.amount.get() <= *left =>
            {
                APPROVED
            }
            (OperationKind::Capture | OperationKind::Void | OperationKind::Refund, None) => {
                (Verdict::Declined, NO_SUCH_HOLD, false)
            }
            (OperationKind::Capture | OperationKind::Void | OperationKind::Refund, Some(_)) => {
                (Verdict::Declined, "NOT_ALLOWED", false)
            }
        }
    }

    /// Moves the money of an approved request and names the transaction.
    fn move_money(&mut self, request: &PgRequest) -> String {
        let (payment_id, amount) = (request.key.payment_id, request.amount.get());
        let transaction = format!("txn-{}", self.record.len() + 1);
        let target = self.target(request);
        let left = match target.as_ref().and_then(|target| self.holds.get(target)) {
            Some(Hold::Captured { left, .. }) => *left,
            Some(Hold::Open { .. } | Hold::Voided) | None => 0,
        };
        let (place, hold) = match request.key.kind {
            OperationKind::Authorize => (Some(transaction.clone()), Hold::Open { payment_id, amount }),
            OperationKind::Capture => (target, Hold::Captured { payment_id, left: amount }),
            OperationKind::Refund => (target, Hold::Captured { payment_id, left: left - amount }),
            OperationKind::Void => (target, Hold::Voided),
        };
        self.holds.insert(place.expect("an approved request has a hold"), hold);
        transaction
    }

    fn target(&self, request: &PgRequest) -> Option<String> {
        match &request.target {
            Target::None => None,
            Target::Transaction(id) => Some(id.to_string()),
            Target::AuthorizationKey(key) => self.recorded(*key)?.transaction_id.clone(),
        }
    }

    /// Status and body of the answer about a key. `misremembered` has it name another amount.
    pub(super) fn answer_about(&self, key: PgKey, misremembered: bool) -> (u16, Vec<u8>) {
        let Some(entry) = self.recorded(key) else {
            let working = self.is_at_work(key);
            return if working { (200, processing(key)) } else { (404, b"{}".to_vec()) };
        };
        let approved = entry.verdict == Verdict::Approved;
        let amount = entry.amount.get() + u64::from(misremembered && approved);
        let body = json!({
            "key": entry.key.to_string(),
            "operation": entry.key.kind.as_str(),
            "paymentId": entry.key.payment_id,
            "merchantId": entry.merchant_id,
            "status": entry.verdict.as_str(),
            "amount": amount,
            "currency": entry.currency,
            "transactionId": entry.transaction_id,
            "approvalNumber": approved.then(|| format!("A{}", entry.key.payment_id)),
            "responseCode": entry.code,
            "responseMessage": entry.code.to_lowercase(),
            "retryable": entry.retryable,
            "expiresAt": null,
            "at": entry.at,
        });
        (200, body.to_string().into_bytes())
    }
}

/// The body that says the PG works on a key.
pub(super) fn processing(key: PgKey) -> Vec<u8> {
    json!({
        "key": key.to_string(),
        "operation": key.kind.as_str(),
        "paymentId": key.payment_id,
        "status": "processing",
    })
    .to_string()
    .into_bytes()
}
