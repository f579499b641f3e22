//! Reads a request to move money: header, path and body, strictly.
//!
//! Whatever passes here is well-formed; whether the gateway approves it is decided in `rules`.

use std::borrow::Cow;

use serde::Deserialize;

use super::answer::{Currency, HoldId, TransactionId};
use super::error::RequestError;
use super::operation::{Operation, OperationKey};

/// Largest amount in minor units that merchants can send.
const MAX_AMOUNT: u64 = 9_999_999_999_999;

/// What an operation works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// An authorize makes a hold of its own.
    NewHold,
    /// The hold named by the authorization's `transactionId`; none when this gateway gave out no such id.
    Hold(Option<HoldId>),
    /// Whatever became, or will become, of the authorization with this key (void only).
    Authorization(OperationKey),
}

/// A well-formed request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) key: OperationKey,
    pub(super) merchant_id: Box<str>,
    /// Minor units.
    pub(super) amount: u64,
    pub(super) currency: Currency,
    pub(super) subject: Subject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body<'a> {
    payment_id: u64,
    #[serde(borrow)]
    merchant_id: Cow<'a, str>,
    amount: u64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow, default)]
    transaction_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    authorization_key: Option<Cow<'a, str>>,
}

/// Reads one request to `operation`; the error says which part is wrong and what it should be.
pub(super) fn read(operation: Operation, key: &str, body: &[u8]) -> Result<Request, RequestError> {
    let key: OperationKey =
        key.parse().map_err(|reason| invalid(format!("the header Idempotency-Key is {reason}")))?;
    let body: Body<'_> = serde_json::from_slice(body).map_err(|reason| {
        invalid(format!("the body is not a valid {} request: {reason}", operation.name()))
    })?;
    if key.operation != operation {
        let (named, asked) = (key.operation.name(), operation.name());
        return Err(invalid(format!("the header Idempotency-Key names {named} but the path says {asked}")));
    }
    if key.payment_id != body.payment_id {
        return Err(invalid(format!(
            "paymentId is {} but the header Idempotency-Key names payment {}",
            body.payment_id, key.payment_id
        )));
    }
    if !printable(&body.merchant_id, 32) {
        return Err(invalid("merchantId must be 1 to 32 printable ASCII characters"));
    }
    if !(1..=MAX_AMOUNT).contains(&body.amount) {
        return Err(invalid(format!("amount must be an integer from 1 to {MAX_AMOUNT} minor units")));
    }
    let currency = body.currency.parse().map_err(|_| invalid("currency must be three capital letters"))?;
    let subject = subject(&key, body.transaction_id.as_deref(), body.authorization_key.as_deref())?;
    Ok(Request { key, merchant_id: body.merchant_id.into(), amount: body.amount, currency, subject })
}

fn subject(
    key: &OperationKey,
    transaction_id: Option<&str>,
    authorization_key: Option<&str>,
) -> Result<Subject, RequestError> {
    match (key.operation, transaction_id, authorization_key) {
        (Operation::Authorize, None, None) => Ok(Subject::NewHold),
        (Operation::Authorize, _, _) => {
            Err(invalid("an authorize takes neither transactionId nor authorizationKey"))
        }
        (Operation::Capture | Operation::Refund, _, Some(_)) => {
            Err(invalid("authorizationKey is for voids only, name the authorization's transactionId"))
        }
        (Operation::Void, Some(_), Some(_)) => {
            Err(invalid("a void takes either transactionId or authorizationKey, not both"))
        }
        (Operation::Void, None, Some(text)) => authorization(key, text),
        (Operation::Capture | Operation::Refund | Operation::Void, Some(text), None) => hold(text),
        (Operation::Capture | Operation::Refund | Operation::Void, None, None) => {
            Err(invalid("transactionId is missing: name the authorization's"))
        }
    }
}

fn authorization(key: &OperationKey, text: &str) -> Result<Subject, RequestError> {
    let named: OperationKey =
        text.parse().map_err(|reason| invalid(format!("authorizationKey is {reason}")))?;
    if named.operation == Operation::Authorize && named.payment_id == key.payment_id {
        Ok(Subject::Authorization(named))
    } else {
        Err(invalid("authorizationKey must be the key of an authorize of the same payment"))
    }
}

fn hold(text: &str) -> Result<Subject, RequestError> {
    if !printable(text, 64) {
        return Err(invalid("transactionId must be 1 to 64 printable ASCII characters"));
    }
    let named = text.parse::<TransactionId>().ok();
    Ok(Subject::Hold(named.filter(|id| id.entry.is_none()).map(|id| id.hold)))
}

/// Printable ASCII from space to tilde, as the contract of the payments API has it for ids and keys.
fn printable(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn invalid(message: impl Into<String>) -> RequestError {
    RequestError::Invalid(message.into())
}
