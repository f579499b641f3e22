//! What is sent to the PG, and that a repetition is identical.

use payment_schema::command::{Capture, Refund};
use payment_schema::currency::Currency;
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId};
use payment_schema::money::Amount;
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::pg::{PgRequest, Target};
use payment_schema::text::Reason;
use payment_schema::time::Timestamp;
use serde_json::{Value, json};

fn id(value: u64) -> PaymentId {
    PaymentId::try_from(value).expect("in range")
}

fn request(kind: OperationKind, target: Target) -> PgRequest {
    PgRequest {
        key: PgKey { payment_id: id(1024), kind, operation_no: OperationNo(2), attempt: Attempt(1) },
        merchant_id: MerchantId::parse("shop").expect("valid"),
        amount: Amount::try_from(500_u64).expect("in range"),
        currency: Currency::parse("USD").expect("valid"),
        target,
        attempted_at: Timestamp::from_micros(0),
    }
}

fn sent(request: &PgRequest) -> Value {
    serde_json::to_value(request.body()).expect("is JSON")
}

#[test]
fn bodies_name_what_they_refer_to() {
    let plain = json!({"paymentId": 1024, "merchantId": "shop", "amount": 500, "currency": "USD"});
    let with = |name: &str, value: &str| {
        let mut body = plain.clone();
        body[name] = value.into();
        body
    };
    let authorization = PgKey {
        payment_id: id(1024),
        kind: OperationKind::Authorize,
        operation_no: OperationNo(1),
        attempt: Attempt(1),
    };
    assert_eq!(sent(&request(OperationKind::Authorize, Target::None)), plain);
    let transaction = Target::Transaction("T1".into());
    assert_eq!(sent(&request(OperationKind::Capture, transaction)), with("transactionId", "T1"));
    let by_key = request(OperationKind::Void, Target::AuthorizationKey(authorization));
    assert_eq!(sent(&by_key), with("authorizationKey", "1024:authorize:1:1"));
}

/// Operation, payment and command make a fingerprint; the key does not.
#[test]
fn fingerprints_tell_commands_apart() {
    let amount = |value: u64| Some(Amount::try_from(value).expect("in range"));
    let reason = |text: &str| Reason::parse(text).expect("valid");
    let capture = |amount| Fingerprint::of("capture", Some(id(1024)), &Capture { amount });
    let refund = |amount, text: &str| {
        Fingerprint::of("refund", Some(id(1024)), &Refund { amount, reason: reason(text) })
    };
    assert_eq!(capture(amount(5)), capture(amount(5)));
    assert_eq!(refund(None, "a"), refund(None, "a"));
    let all = [
        capture(None),
        capture(amount(5)),
        capture(amount(6)),
        refund(None, "a"),
        refund(None, "b"),
        refund(amount(5), "a"),
        Fingerprint::of("capture", Some(id(1025)), &Capture { amount: None }),
        Fingerprint::of("cancel", Some(id(1024)), &Capture { amount: None }),
        Fingerprint::of("capture", None, &Capture { amount: None }),
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "fingerprint {index} repeats");
    }
}
