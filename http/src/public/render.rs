//! Success bodies and the headers that go with them.
//!
//! Owns `Location` and `Idempotent-Replayed`. A command's body is passed on byte for byte; it was rendered, and
//! perhaps stored, where the outcome was committed.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ContentType, LOCATION};
use payment_actors::api::Outcome;
use payment_schema::ids::{MerchantId, PaymentId};

use crate::problem::PROBLEM_JSON;

const IDEMPOTENT_REPLAYED: &str = "Idempotent-Replayed";

/// The response to a command.
pub(super) fn outcome(outcome: Outcome, merchant_id: &MerchantId) -> HttpResponse {
    let status = StatusCode::from_u16(outcome.answer.status).expect("answers have real statuses");
    let mut response = HttpResponse::build(status);
    if status.is_success() {
        response.insert_header(ContentType::json());
    } else {
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
    }
    if outcome.replayed {
        response.insert_header((IDEMPOTENT_REPLAYED, "true"));
    }
    if status == StatusCode::ACCEPTED {
        response.insert_header((LOCATION, location(outcome.payment_id, merchant_id)));
    }
    response.body(outcome.answer.body)
}

fn location(id: PaymentId, merchant_id: &MerchantId) -> String {
    let merchant = percent_encode(merchant_id.as_str());
    format!("/api/payments/{id}?merchantId={merchant}")
}

/// Encodes all but the unreserved characters (RFC 3986 §2.3).
fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}
