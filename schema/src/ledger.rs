//! Double entries.
//!
//! Owns what a published fact posts: a capture debits the merchant's receivable and credits cash, a refund
//! reverses it. Holds, voids and failures post nothing. Never sums anything itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::ids::{EventId, MerchantId, OperationNo, PaymentId};
use crate::money::Amount;
use crate::topic::Topic;

/// The two sides of a ledger transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What is owed more.
    Debit,
    /// What is owed less.
    Credit,
}

impl Side {
    /// The side's name in the ledger table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }
}

/// An account's name: `{kind}:{merchantId}:{currency}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Account(pub String);

impl Account {
    /// What the merchant is to be paid.
    #[must_use]
    pub fn merchant_receivable(merchant: &MerchantId, currency: Currency) -> Self {
        Self(format!("merchant_receivable:{merchant}:{currency}"))
    }

    /// What the PG took for the merchant.
    #[must_use]
    pub fn cash(merchant: &MerchantId, currency: Currency) -> Self {
        Self(format!("cash:{merchant}:{currency}"))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One approved movement: a debit and a credit of the same amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The event that told of it.
    pub event_id: EventId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The operation; a movement is unique per payment and operation.
    pub operation_no: OperationNo,
    /// The account debited.
    pub debit: Account,
    /// The account credited.
    pub credit: Account,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
}

/// One movement as a payment's answer shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// The account debited.
    pub debit_account: Account,
    /// The account credited.
    pub credit_account: Account,
    /// How much, in minor units.
    pub amount: Amount,
}

/// Why a record cannot be posted; ends in a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpostable {
    /// The schema version is not one this program reads.
    #[error("schema version {0:?} is not supported")]
    SchemaVersion(String),
    /// Not an event of this topic.
    #[error("the record is not a readable event: {0}")]
    Malformed(String),
    /// The topic moves no money.
    #[error("records of topic {0} move no money")]
    WrongTopic(Topic),
    /// No such payment.
    #[error("payment {0} is not known")]
    UnknownPayment(PaymentId),
    /// Another movement was posted for the same operation.
    #[error("operation {1} of payment {0} was posted with other values")]
    Contradiction(PaymentId, OperationNo),
}

impl Unpostable {
    /// The `errorType` of the dead letter.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::SchemaVersion(_) => "UNSUPPORTED_SCHEMA_VERSION",
            Self::Malformed(_) => "MALFORMED_RECORD",
            Self::WrongTopic(_) => "WRONG_TOPIC",
            Self::UnknownPayment(_) => "UNKNOWN_PAYMENT",
            Self::Contradiction(..) => "CONTRADICTING_RECORD",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostableFields {
    event_id: EventId,
    payment_id: PaymentId,
    merchant_id: MerchantId,
    operation_no: OperationNo,
    currency: Currency,
    captured_amount: Option<Amount>,
    refund_amount: Option<Amount>,
}

impl Movement {
    /// What a published record posts.
    ///
    /// # Errors
    /// When the record is not an event of a topic that moves money.
    pub fn from_record(topic: Topic, value: &[u8]) -> Result<Self, Unpostable> {
        let malformed = |error: serde_json::Error| Unpostable::Malformed(error.to_string());
        let fields: PostableFields = serde_json::from_slice(value).map_err(malformed)?;
        let receivable = Account::merchant_receivable(&fields.merchant_id, fields.currency);
        let cash = Account::cash(&fields.merchant_id, fields.currency);
        let (amount, debit, credit) = match topic {
            Topic::Captured => (fields.captured_amount, receivable, cash),
            Topic::Refunded => (fields.refund_amount, cash, receivable),
            Topic::Authorized
            | Topic::CaptureRequested
            | Topic::RefundRequested
            | Topic::Cancelled
            | Topic::AuthorizationFailed
            | Topic::CaptureFailed
            | Topic::RefundFailed
            | Topic::CancelFailed
            | Topic::PaymentDlq
            | Topic::SettlementDlq
            | Topic::RefundDlq => return Err(Unpostable::WrongTopic(topic)),
        };
        Ok(Self {
            event_id: fields.event_id,
            payment_id: fields.payment_id,
            operation_no: fields.operation_no,
            debit,
            credit,
            amount: amount.ok_or_else(|| Unpostable::Malformed("the amount is missing".to_owned()))?,
            currency: fields.currency,
        })
    }

    /// The id of its ledger transaction.
    #[must_use]
    pub fn transaction_id(&self) -> String {
        format!("{}-{}", self.payment_id, self.operation_no)
    }
}
