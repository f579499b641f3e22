//! One request and its response: the names it goes by, and what every response has.
//!
//! Owns `X-Request-Id`, the trace id, the headers common to all responses, the limit on a request's head, and the net
//! under handlers: a panic becomes a 500 and never a hanging connection.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt;
use payment_actors::ports::random::Random;
use payment_schema::ids::TraceId;
use payment_schema::problem::ProblemCode;

use crate::problem::Problem;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_REQUEST_ID: usize = 128;

/// The largest head of a request, in bytes of its target and headers. The HTTP library's own limit, 128 KiB and 96
/// headers, cannot be changed.
const LARGEST_HEAD: usize = 16 * 1024;

/// The names of a request.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// The path as it was sent, still percent-encoded: the `instance` of a problem.
    pub(crate) path: String,
    /// The client's `X-Request-Id`, or one of ours.
    pub(crate) request_id: String,
    /// The trace of the client's `traceparent`, or a new one.
    pub(crate) trace_id: TraceId,
}

impl Exchange {
    fn of(request: &HttpRequest, random: &dyn Random) -> Self {
        let fresh = || TraceId::new(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64()));
        let trace_id = single(request.headers(), "traceparent").and_then(parse_traceparent);
        let request_id = single(request.headers(), "x-request-id").filter(|id| is_echoable(id));
        Self {
            path: request.uri().path().to_owned(),
            request_id: request_id.map_or_else(|| fresh().to_string(), str::to_owned),
            trace_id: trace_id.unwrap_or_else(fresh),
        }
    }

    fn finish(&self, mut response: HttpResponse) -> HttpResponse {
        let headers = response.headers_mut();
        let id = HeaderValue::from_str(&self.request_id).expect("request ids are printable ascii");
        headers.insert(X_REQUEST_ID, id);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }
}

/// What came of a request.
pub(crate) struct Conducted {
    /// What the client gets.
    pub(crate) response: HttpResponse,
    /// The code, when the request was refused.
    pub(crate) refused: Option<ProblemCode>,
}

/// Runs a handler and makes its result, its refusal or its panic a response.
pub(crate) async fn conduct<W>(random: &dyn Random, request: &HttpRequest, work: W) -> Conducted
where
    W: AsyncFnOnce(&Exchange) -> Result<HttpResponse, Problem>,
{
    let exchange = Exchange::of(request, random);
    if head_size(request) > LARGEST_HEAD {
        // Like the library's own answer: without a body.
        let response = HttpResponse::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        return Conducted { response: exchange.finish(response), refused: None };
    }
    let result = AssertUnwindSafe(work(&exchange)).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| Err(panicked(&exchange, panic.as_ref())));
    let refused = result.as_ref().err().map(|problem| problem.code);
    let response = result.unwrap_or_else(|problem| problem.into_response(&exchange.path));
    Conducted { response: exchange.finish(response), refused }
}

fn head_size(request: &HttpRequest) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    request.uri().path().len() + request.query_string().len() + headers.sum::<usize>()
}

fn panicked(exchange: &Exchange, panic: &(dyn Any + Send)) -> Problem {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(path = exchange.path, request_id = exchange.request_id, message, "http handler panicked");
    let detail = format!(
        "the engine failed; whether it obeyed is not known: repeat with the same key, and report request {}",
        exchange.request_id
    );
    Problem::new(ProblemCode::Internal, detail)
}

/// The value of a header that is there exactly once, as text.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn is_echoable(id: &str) -> bool {
    (1..=LONGEST_REQUEST_ID).contains(&id.len()) && id.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

/// Reads the trace id of a `traceparent` header: version, trace id, parent id and flags. Later versions may
/// append fields; version `ff` and a zero parent are invalid
/// (<https://www.w3.org/TR/trace-context/#traceparent-header>).
fn parse_traceparent(header: &str) -> Option<TraceId> {
    let mut parts = header.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let ends_well = version != "00" || parts.next().is_none();
    let well_formed = is_hex(version, 2) && version != "ff" && is_hex(parent, 16) && is_hex(flags, 2);
    let has_parent = parent.bytes().any(|digit| digit != b'0');
    if ends_well && well_formed && has_parent { TraceId::parse(trace) } else { None }
}
