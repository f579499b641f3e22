//! Refusals on their way out as `application/problem+json` (RFC 9457).
//!
//! Owns how a problem becomes a response. The codes and the body belong to [`payment_schema::problem`].

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use payment_actors::api::Refusal;
use payment_schema::ids::PaymentId;
use payment_schema::problem::{FieldError, ProblemBody, ProblemCode};

/// The media type of every error body.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What a 429 or 503 asks a client to wait when nobody knows better.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request is refused.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) code: ProblemCode,
    detail: String,
    payment_id: Option<PaymentId>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    /// The error code of a bearer challenge, when the request held something that was meant for a key.
    challenge: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            payment_id: None,
            errors: Vec::new(),
            retry_after: None,
            allow: None,
            challenge: None,
        }
    }

    /// Fields at fault; the detail sums them up for clients that show one line.
    pub(crate) fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{} {}", only.field, only.message),
            several => {
                let names: Vec<&str> = several.iter().map(|error| error.field.as_str()).collect();
                format!("{} fields are not valid: {}", several.len(), names.join(", "))
            }
        };
        Self { errors, ..Self::new(ProblemCode::ValidationFailed, detail) }
    }

    /// One field at fault.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::validation(vec![FieldError { field: field.to_owned(), message: message.into() }])
    }

    pub(crate) fn not_found() -> Self {
        Self::new(ProblemCode::NotFound, "there is nothing at this path; GET /openapi.json lists every path")
    }

    /// Nobody knows who asks. `error` says what was wrong with the key that was sent, in the words of a bearer
    /// challenge (<https://www.rfc-editor.org/rfc/rfc6750#section-3.1>); without a key there is none.
    pub(crate) fn unauthenticated(detail: &str, error: Option<&'static str>) -> Self {
        Self { challenge: error, ..Self::new(ProblemCode::Unauthenticated, detail) }
    }

    /// `allow` lists the methods the path has.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("this path allows {allow} only");
        Self { allow: Some(allow), ..Self::new(ProblemCode::MethodNotAllowed, detail) }
    }

    /// The response; `instance` is the path of the request.
    pub(crate) fn into_response(self, instance: &str) -> HttpResponse {
        let mut body = ProblemBody::new(self.code, &self.detail, instance.to_owned(), self.payment_id);
        body.errors = self.errors;
        let status = StatusCode::from_u16(self.code.status()).expect("problem codes have real statuses");
        let mut response = HttpResponse::build(status);
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
        if let Some(allow) = self.allow {
            response.insert_header((ALLOW, allow));
        }
        if status == StatusCode::UNAUTHORIZED {
            let error = self.challenge.map(|error| format!(" error=\"{error}\""));
            response.insert_header((WWW_AUTHENTICATE, format!("Bearer{}", error.unwrap_or_default())));
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, whole_seconds(self.retry_after)));
        }
        response.body(body.to_json())
    }
}

/// `Retry-After` knows whole seconds only; rounding down would ask clients to come back too early.
fn whole_seconds(wait: Option<Duration>) -> u64 {
    let wait = wait.unwrap_or(DEFAULT_RETRY_AFTER);
    let started = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(started).max(1)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let rejection = refusal.rejection;
        Self {
            payment_id: rejection.payment_id,
            retry_after: refusal.retry_after,
            ..Self::new(rejection.code, rejection.detail)
        }
    }
}
