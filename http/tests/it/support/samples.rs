//! Payments to answer with.

use payment_schema::currency::Currency;
use payment_schema::ids::{MerchantId, OperationNo, PaymentId, Version};
use payment_schema::ledger::{Account, LedgerEntry};
use payment_schema::money::{Amount, Minor};
use payment_schema::operation::{Operation, OperationKind, PgOutcome, Progress};
use payment_schema::payment::{CaptureMode, Payment};
use payment_schema::status::Status;
use payment_schema::text::{IdempotencyKey, Metadata, OrderId, Reason};
use payment_schema::time::Timestamp;

pub(crate) fn id(number: u64) -> PaymentId {
    PaymentId::try_from(number).unwrap()
}

pub(crate) fn amount(minor: u64) -> Amount {
    Amount::try_from(minor).unwrap()
}

pub(crate) fn merchant() -> MerchantId {
    MerchantId::parse("shop & co/1").unwrap()
}

/// Authorized by the PG.
pub(crate) fn authorized(number: u64) -> Payment {
    let now = Timestamp::parse("2026-01-31T12:00:00Z").unwrap();
    let mut operation = Operation::first_attempt(OperationNo(1), OperationKind::Authorize, amount(1000), now);
    operation.outcome = PgOutcome::Approved;
    operation.progress = Progress::Approved;
    Payment {
        id: id(number),
        merchant_id: merchant(),
        amount: amount(1000),
        currency: Currency::parse("KRW").unwrap(),
        capture_mode: CaptureMode::Manual,
        order_id: Some(OrderId::parse("order-7").unwrap()),
        metadata: Metadata::parse([("basket".to_owned(), "42".to_owned())].into()).unwrap(),
        status: Status::Authorized,
        version: Version(2),
        captured: Minor::ZERO,
        refunded: Minor::ZERO,
        last_event_seq: 1,
        cancel: None,
        authorization_expires_at: Some(Timestamp::parse("2026-02-07T12:00:00Z").unwrap()),
        approval_number: Some("A-1".into()),
        hold_transaction_id: Some("T-1".into()),
        operations: vec![operation],
        authorization_key: IdempotencyKey::parse("k-1").unwrap(),
        created_at: now,
        updated_at: now,
    }
}

/// Captured, and a part refunded.
pub(crate) fn part_refunded(number: u64) -> (Payment, Vec<LedgerEntry>) {
    let mut payment = authorized(number);
    let now = payment.created_at;
    let mut capture = Operation::first_attempt(OperationNo(2), OperationKind::Capture, amount(900), now);
    capture.outcome = PgOutcome::Approved;
    capture.progress = Progress::Approved;
    let mut refund = Operation::first_attempt(OperationNo(3), OperationKind::Refund, amount(300), now);
    refund.outcome = PgOutcome::Approved;
    refund.progress = Progress::Approved;
    refund.reason = Some(Reason::parse("broken").unwrap());
    payment.operations.extend([capture, refund]);
    payment.status = Status::PartialRefunded;
    payment.version = Version(6);
    payment.captured = amount(900).into();
    payment.refunded = amount(300).into();
    let receivable = Account::merchant_receivable(&payment.merchant_id, payment.currency);
    let cash = Account::cash(&payment.merchant_id, payment.currency);
    let entries = vec![
        LedgerEntry { debit_account: receivable.clone(), credit_account: cash.clone(), amount: amount(900) },
        LedgerEntry { debit_account: cash, credit_account: receivable, amount: amount(300) },
    ];
    (payment, entries)
}
