//! Reads the parts of a request: body, query, path.
//!
//! Owns the order of checks on a body: content type (415), size (413), JSON (400 `MALFORMED_JSON`), members (400
//! `VALIDATION_FAILED`).

use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use payment_schema::ids::PaymentId;
use payment_schema::problem::ProblemCode;

use crate::exchange::single;
use crate::fields::Fields;
use crate::json::{self, Json, Unreadable};
use crate::problem::Problem;
use crate::values;

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// The deepest nesting of JSON.
    pub max_depth: usize,
    /// How long a body may take to arrive.
    pub patience: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { max_bytes: 64 * 1024, max_depth: 32, patience: Duration::from_secs(10) }
    }
}

/// The members of a JSON body.
pub(crate) async fn read_body(
    request: &HttpRequest,
    payload: web::Payload,
    limits: &BodyLimits,
) -> Result<Fields<Json>, Problem> {
    check_media_type(request)?;
    let bytes = tokio::time::timeout(limits.patience, collect(request, payload, limits.max_bytes));
    let bytes = bytes.await.map_err(|_| malformed("it did not arrive in time"))??;
    let body = json::parse(&bytes, limits.max_depth).map_err(|unreadable| match unreadable {
        Unreadable::Malformed(why) => malformed(&why),
        Unreadable::OutOfRange(path) => {
            let field = if path.is_empty() { "body" } else { &path };
            Problem::field(field, "holds a number or character that is out of range")
        }
    })?;
    Fields::of_body(body)
}

fn malformed(why: &str) -> Problem {
    Problem::new(ProblemCode::MalformedJson, format!("the body is not acceptable JSON: {why}"))
}

fn check_media_type(request: &HttpRequest) -> Result<(), Problem> {
    let unsupported = |detail| Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
    if !single(request.headers(), CONTENT_TYPE.as_str()).is_some_and(is_json) {
        return unsupported("the content type must be application/json");
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return unsupported("the body must be sent without a content encoding");
    }
    Ok(())
}

/// `application/json`, with no parameter but `charset=utf-8`.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    is_json && parts.all(is_utf8)
}

async fn collect(
    request: &HttpRequest,
    mut payload: web::Payload,
    max_bytes: usize,
) -> Result<BytesMut, Problem> {
    let too_large =
        || Problem::new(ProblemCode::BodyTooLarge, format!("a body may have at most {max_bytes} bytes"));
    let announced = single(request.headers(), CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    if announced.is_some_and(|length: u64| length > max_bytes as u64) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| malformed("it did not arrive whole"))?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The parameters of the query string.
pub(crate) fn query(request: &HttpRequest) -> Result<Fields<String>, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let pairs = pairs.map_err(|error| Problem::field("query", format!("cannot be read: {error}")))?;
    Ok(Fields::of_query(pairs.into_inner()))
}

/// Refuses parameters where none belongs: an amount in the query of a capture must not be passed over.
pub(crate) fn no_query(request: &HttpRequest) -> Result<(), Problem> {
    query(request)?.finish(Ok(()))
}

/// The payment id in the path; anything else names no payment.
pub(crate) fn payment_id(request: &HttpRequest) -> Result<PaymentId, Problem> {
    let text = request.match_info().query("paymentId");
    values::payment_id(text).ok_or_else(|| {
        Problem::new(ProblemCode::NotFound, "there is no such payment: the id is no payment id")
    })
}
