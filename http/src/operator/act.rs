//! What all acting verbs share: protection against other web sites, and a reason.
//!
//! Owns the check that a request was not sent by a page of another site. A browser sends `application/json` across
//! sites only after a preflight, which nothing here answers; `Origin` and `Sec-Fetch-Site` are checked as well.

use std::net::IpAddr;

use actix_web::http::Uri;
use actix_web::http::header::{HOST, ORIGIN};
use actix_web::{HttpMessage, HttpRequest, web};
use payment_actors::api::Act;
use payment_schema::problem::ProblemCode;
use payment_schema::text::Reason;

use super::OperatorState;
use crate::exchange::{Exchange, single};
use crate::fields::{Fields, Noted};
use crate::json::Json;
use crate::keys::Identity;
use crate::problem::Problem;
use crate::request::{no_query, read_body};
use crate::values;

/// Reads an acting request: its reason, and its other members by `read`.
pub(super) async fn read_act<T>(
    state: &OperatorState,
    request: &HttpRequest,
    payload: web::Payload,
    exchange: &Exchange,
    read: impl FnOnce(&mut Fields<Json>) -> Result<T, Noted>,
) -> Result<(T, Act), Problem> {
    refuse_other_sites(request)?;
    let mut fields = read_body(request, payload, &state.body).await?;
    no_query(request)?;
    let members = read(&mut fields);
    let reason = fields.required("reason", values::text(reason));
    let made = members.and_then(|members| Ok((members, reason?)));
    let (members, reason) = fields.finish(made)?;
    let who = identity(request).who();
    Ok((members, Act { who, reason: reason.as_str().to_owned(), trace_id: exchange.trace_id }))
}

/// Who was let in with the request.
pub(super) fn identity(request: &HttpRequest) -> Identity {
    request.extensions().get().cloned().expect("every request to a route of operators is identified")
}

fn reason(text: &str) -> Result<Reason, String> {
    if text.trim().is_empty() {
        return Err("must say why".to_owned());
    }
    Reason::parse(text).map_err(|error| error.to_string())
}

fn refuse_other_sites(request: &HttpRequest) -> Result<(), Problem> {
    let headers = request.headers();
    let fetched_here = match headers.get("sec-fetch-site") {
        None => true,
        Some(site) => site == "same-origin" || site == "none",
    };
    let sent_here = !headers.contains_key(ORIGIN) || is_own_origin(request);
    if fetched_here && sent_here {
        return Ok(());
    }
    let detail = "a page of another site sent this request; operator acts are taken from this listener's own address only";
    Err(Problem::new(ProblemCode::Forbidden, detail))
}

/// Whether the page that sent the request came from this listener. The host must be an address or `localhost`: a
/// name could be pointed here by a hostile page's own name server (DNS rebinding).
fn is_own_origin(request: &HttpRequest) -> bool {
    let origin = single(request.headers(), ORIGIN.as_str()).and_then(|origin| origin.parse::<Uri>().ok());
    let Some(authority) = origin.as_ref().and_then(Uri::authority) else { return false };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok();
    is_here && single(request.headers(), HOST.as_str()) == Some(authority.as_str())
}
