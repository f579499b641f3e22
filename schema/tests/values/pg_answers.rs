//! What the PG's words mean.

use payment_schema::currency::Currency;
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId};
use payment_schema::money::Amount;
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::pg::{Finding, PgRequest, Refusal, Target, classify_answer, classify_query};
use payment_schema::time::Timestamp;
use serde_json::{Value, json};

fn request() -> PgRequest {
    PgRequest {
        key: PgKey {
            payment_id: PaymentId::try_from(1024_u64).expect("in range"),
            kind: OperationKind::Capture,
            operation_no: OperationNo(2),
            attempt: Attempt(3),
        },
        merchant_id: MerchantId::parse("shop").expect("valid"),
        amount: Amount::try_from(500_u64).expect("in range"),
        currency: Currency::parse("USD").expect("valid"),
        target: Target::Transaction("T1".into()),
        attempted_at: Timestamp::from_micros(0),
    }
}

/// A finding in one word, with what matters of it.
fn word(finding: &Finding) -> String {
    match finding {
        Finding::Approved(approval) => {
            format!("approved {}", approval.transaction_id.as_deref().unwrap_or("-"))
        }
        Finding::Negative(negative) => {
            let kind = if negative.failed { "failed" } else { "declined" };
            let again = if negative.retryable { "again" } else { "never" };
            format!("{kind} {} {again}", negative.code)
        }
        Finding::Mismatch => "mismatch".to_owned(),
        Finding::Processing => "processing".to_owned(),
        Finding::NotSeen => "not-seen".to_owned(),
        Finding::Unsent(Refusal::RateLimited) => "unsent".to_owned(),
        Finding::Unsent(refusal) => format!("unsent {refusal:?}"),
        Finding::Unknown(_) => "unknown".to_owned(),
    }
}

/// A whole answer of the PG, with members replaced; null takes a member away.
fn body(changes: &Value) -> Vec<u8> {
    let mut body = json!({
        "key": "1024:capture:2:3", "operation": "capture", "paymentId": 1024, "merchantId": "shop", "status": "approved",
        "amount": 500, "currency": "USD", "transactionId": "T2", "approvalNumber": null, "responseCode": null,
        "responseMessage": null, "retryable": null, "expiresAt": null, "at": "2026-01-01T00:00:00Z",
    });
    for (name, value) in changes.as_object().expect("changes are an object") {
        if value.is_null() {
            body.as_object_mut().expect("an object").remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    serde_json::to_vec(&body).expect("is JSON")
}

#[test]
fn successful_answers_to_requests() {
    for (status, changes, meaning) in [
        // Approved: 2xx whose payment, amount and currency echo the request.
        (200, json!({}), "approved T2"),
        (201, json!({}), "approved T2"),
        (299, json!({"transactionId": null}), "approved -"),
        (200, json!({"key": null, "operation": null}), "approved T2"),
        // Anything that does not echo is no approval, and no proof of the contrary.
        (200, json!({"amount": 501}), "unknown"),
        (200, json!({"amount": null}), "unknown"),
        (200, json!({"amount": "500"}), "unknown"),
        (200, json!({"amount": 500.0}), "unknown"),
        (200, json!({"amount": -500}), "unknown"),
        (200, json!({"currency": "EUR"}), "unknown"),
        (200, json!({"currency": null}), "unknown"),
        (200, json!({"paymentId": 1025}), "unknown"),
        (200, json!({"paymentId": null}), "unknown"),
        (200, json!({"key": "1024:capture:2:2"}), "unknown"),
        (200, json!({"expiresAt": "soon"}), "unknown"),
        // Negative: the body says so.
        (200, json!({"status": "declined", "responseCode": "51"}), "declined 51 again"),
        (200, json!({"status": "failed", "responseCode": "91"}), "failed 91 again"),
        (200, json!({"status": "declined", "responseCode": "54", "retryable": false}), "declined 54 never"),
        (200, json!({"status": "failed", "retryable": true}), "failed FAILED again"),
        (200, json!({"status": "declined"}), "declined DECLINED again"),
        (200, json!({"status": "declined", "responseCode": ""}), "declined DECLINED again"),
        (
            200,
            json!({"status": "declined", "amount": null, "currency": null, "paymentId": null}),
            "declined DECLINED again",
        ),
        // But not about another payment or another key.
        (200, json!({"status": "declined", "paymentId": 7}), "unknown"),
        (200, json!({"status": "failed", "key": "1024:capture:2:2"}), "unknown"),
        (200, json!({"status": "processing"}), "processing"),
        (202, json!({"status": "processing"}), "processing"),
        (200, json!({"status": null}), "unknown"),
        (200, json!({"status": "APPROVED"}), "unknown"),
    ] {
        let finding = classify_answer(&request(), status, &body(&changes));
        assert_eq!(word(&finding), meaning, "{status} {changes}");
    }
}

#[test]
fn other_answers_to_requests() {
    let declined = json!({"status": "declined", "responseCode": "51"});
    for (status, changes, meaning) in [
        // Negative: a 4xx other than 408, 409, 425, 429.
        (402, declined.clone(), "declined 51 again"),
        (400, json!({"status": "failed", "responseCode": "30", "retryable": false}), "failed 30 never"),
        (404, json!({"status": null}), "declined HTTP_404 again"),
        (422, json!({"status": "confused"}), "declined HTTP_422 again"),
        // A 4xx whose body contradicts it, or that belongs to another request.
        (400, json!({}), "unknown"),
        (402, json!({"status": "processing"}), "unknown"),
        (402, json!({"status": "declined", "paymentId": 7}), "unknown"),
        (402, json!({"status": "declined", "key": "7:capture:2:3"}), "unknown"),
        // The PG asks to try again, or did not take the request.
        (408, declined.clone(), "unknown"),
        (409, declined.clone(), "unknown"),
        (425, declined.clone(), "unknown"),
        (429, declined.clone(), "unsent"),
        // An error of the PG's own says nothing, whatever the body.
        (500, declined.clone(), "unknown"),
        (500, json!({}), "unknown"),
        (502, declined.clone(), "unknown"),
        (503, declined.clone(), "unknown"),
        (599, declined, "unknown"),
        (302, json!({}), "unknown"),
        (101, json!({}), "unknown"),
        (600, json!({}), "unknown"),
    ] {
        let finding = classify_answer(&request(), status, &body(&changes));
        assert_eq!(word(&finding), meaning, "{status} {changes}");
    }
}

#[test]
fn unreadable_answers_to_requests() {
    let double =
        br#"{"status":"approved","status":"declined","paymentId":1024,"amount":500,"currency":"USD"}"#;
    for unreadable in [b"".as_slice(), b"{", b"<html>", b"null", b"[]", b"\xff\xfe", double] {
        for (status, meaning) in [
            (200, "unknown"),
            (500, "unknown"),
            (409, "unknown"),
            (429, "unsent"),
            (400, "declined HTTP_400 again"),
        ] {
            let finding = classify_answer(&request(), status, unreadable);
            assert_eq!(word(&finding), meaning, "{status} {}", String::from_utf8_lossy(unreadable));
        }
    }
}

#[test]
fn answers_to_questions() {
    for (status, changes, meaning) in [
        (200, json!({}), "approved T2"),
        (200, json!({"status": "processing"}), "processing"),
        (200, json!({"status": "declined", "responseCode": "51"}), "declined 51 again"),
        (200, json!({"status": "failed", "responseCode": "91"}), "failed 91 again"),
        // The record confirms something else: an operator decides.
        (200, json!({"amount": 501}), "mismatch"),
        (200, json!({"currency": "EUR"}), "mismatch"),
        (200, json!({"paymentId": 1025}), "mismatch"),
        // An answer about another key answers nothing.
        (200, json!({"key": "1024:capture:2:2"}), "unknown"),
        (200, json!({"status": "declined", "paymentId": 1025}), "unknown"),
        (200, json!({"status": "gone"}), "unknown"),
        // Only 404 says that the key was never seen; other errors say nothing of it.
        (404, json!({}), "not-seen"),
        (404, json!({"status": "declined"}), "not-seen"),
        (400, json!({"status": "declined"}), "unknown"),
        (401, json!({}), "unknown"),
        (410, json!({}), "unknown"),
        (429, json!({}), "unsent"),
        (500, json!({}), "unknown"),
        (503, json!({"status": "declined"}), "unknown"),
        (302, json!({}), "unknown"),
    ] {
        let finding = classify_query(&request(), status, &body(&changes));
        assert_eq!(word(&finding), meaning, "{status} {changes}");
    }
    for unreadable in [b"".as_slice(), b"{", b"null"] {
        assert_eq!(word(&classify_query(&request(), 200, unreadable)), "unknown");
        assert_eq!(word(&classify_query(&request(), 404, unreadable)), "not-seen");
    }
}

/// All that the PG says about an approval arrives.
#[test]
fn an_approval_keeps_its_details() {
    let changes = json!({"approvalNumber": "A-7", "expiresAt": "2026-01-08T09:00:00+09:00"});
    let Finding::Approved(approval) = classify_answer(&request(), 200, &body(&changes)) else {
        panic!("approved")
    };
    assert_eq!(approval.approval_number.as_deref(), Some("A-7"));
    assert_eq!(approval.expires_at, Some(Timestamp::parse("2026-01-08T00:00:00Z").expect("a moment")));
}
