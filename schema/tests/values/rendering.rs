//! Answers: every field is there, and the same payment gives the same bytes.

use std::collections::BTreeSet;

use payment_schema::command::{Authorize, Context, NewPayment};
use payment_schema::currency::Currency;
use payment_schema::decide::accept_authorization;
use payment_schema::ids::{MerchantId, OperationNo, PaymentId, TraceId};
use payment_schema::ledger::{Account, LedgerEntry};
use payment_schema::money::Amount;
use payment_schema::payment::{CaptureMode, Payment};
use payment_schema::representation::{AnswerKind, PaymentView, render};
use payment_schema::rules::{Jitter, Rules};
use payment_schema::text::{IdempotencyKey, Metadata};
use payment_schema::time::Timestamp;
use serde_json::Value;

fn payment() -> Payment {
    let command = Authorize {
        merchant_id: MerchantId::parse("shop").expect("valid"),
        amount: Amount::try_from(500_u64).expect("in range"),
        currency: Currency::parse("USD").expect("valid"),
        capture_mode: CaptureMode::Manual,
        order_id: None,
        metadata: Metadata::parse([("color".to_owned(), "red".to_owned())].into()).expect("valid"),
    };
    let key = IdempotencyKey::parse("k1").expect("valid");
    let rules = Rules::default();
    let now = Timestamp::from_micros(1_767_225_600_000_000);
    let context = Context { rules: &rules, now, jitter: Jitter(0.5), trace_id: TraceId::new(1), key: None };
    let new = NewPayment { id: PaymentId::try_from(1024_u64).expect("in range"), key };
    accept_authorization(new, command, &context).payment
}

fn entry() -> LedgerEntry {
    LedgerEntry {
        debit_account: Account("merchant_receivable:shop:USD".to_owned()),
        credit_account: Account("cash:shop:USD".to_owned()),
        amount: Amount::try_from(500_u64).expect("in range"),
    }
}

const FIELDS: [&str; 23] = [
    "amount",
    "approvalNumber",
    "authorizationExpiresAt",
    "cancelRequested",
    "captureMode",
    "capturedAmount",
    "createdAt",
    "currency",
    "ledgerEntries",
    "merchantId",
    "message",
    "nextAttemptAt",
    "operation",
    "orderId",
    "paymentId",
    "pgOutcome",
    "pgTransactionId",
    "refundId",
    "refundedAmount",
    "refunds",
    "status",
    "updatedAt",
    "version",
];

#[test]
fn every_field_is_there_null_when_unknown() {
    let view = serde_json::to_value(PaymentView::new(&payment(), vec![entry()])).expect("is JSON");
    let fields: BTreeSet<&str> = view.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(FIELDS));
    for unknown in [
        "approvalNumber",
        "authorizationExpiresAt",
        "nextAttemptAt",
        "orderId",
        "pgTransactionId",
        "refundId",
    ] {
        assert_eq!(view[unknown], Value::Null, "{unknown}");
    }
    assert_eq!(view["paymentId"], 1024);
    assert_eq!(view["createdAt"], "2026-01-01T00:00:00.000000Z");
    let movement = serde_json::json!({
        "debitAccount": "merchant_receivable:shop:USD", "creditAccount": "cash:shop:USD", "amount": 500,
    });
    assert_eq!(view["ledgerEntries"], Value::Array(vec![movement]));
}

#[test]
fn metadata_is_shown_by_get_only() {
    let payment = payment();
    let posted =
        String::from_utf8(render(AnswerKind::Authorized, &payment, Vec::new()).body).expect("is text");
    assert!(!posted.contains("color"), "{posted}");
    let shown = serde_json::to_value(PaymentView::new(&payment, Vec::new()).with_metadata(&payment))
        .expect("is JSON");
    assert_eq!(shown["metadata"]["color"], "red");
}

#[test]
fn answers_have_their_status_and_are_the_same_every_time() {
    let payment = payment();
    for (kind, status, code) in [
        (AnswerKind::Authorized, 200, None),
        (AnswerKind::Capture, 200, None),
        (AnswerKind::Refund(OperationNo(3)), 200, None),
        (AnswerKind::Cancelled, 200, None),
        (AnswerKind::Pending, 202, None),
        (AnswerKind::Declined, 402, Some("PG_DECLINED")),
        (AnswerKind::AuthorizationCancelled, 409, Some("AUTHORIZATION_CANCELLED")),
    ] {
        let answer = render(kind, &payment, vec![entry()]);
        assert_eq!(answer, render(kind, &payment, vec![entry()]));
        let body: Value = serde_json::from_slice(&answer.body).expect("is JSON");
        assert_eq!(answer.status, status, "{kind:?}");
        assert_eq!(body.get("code").and_then(Value::as_str), code, "{kind:?}");
        assert_eq!(body["paymentId"], 1024, "{kind:?}");
    }
    let refund: Value =
        serde_json::from_slice(&render(AnswerKind::Refund(OperationNo(3)), &payment, Vec::new()).body)
            .expect("is JSON");
    assert_eq!(refund["refundId"], "1024-3");
}
