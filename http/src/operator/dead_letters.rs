//! Dead letters: reading them, replaying one, discarding one.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::api::{LetterOutcome, Refusal};
use payment_actors::ports::random::Random;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{OperationNo, PaymentId};
use payment_schema::operation::OperationKind;
use payment_schema::problem::ProblemCode;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use serde::Serialize;
use serde_json::Value;

use super::OperatorState;
use super::act::read_act;
use crate::exchange::Exchange;
use crate::page;
use crate::problem::Problem;
use crate::request::query;
use crate::routes::attend;
use crate::success;
use crate::values::parameter;

/// A dead letter as operators see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LetterView {
    id: String,
    topic: &'static str,
    payment_id: Option<PaymentId>,
    operation: Option<OperationKind>,
    operation_no: Option<OperationNo>,
    error_type: String,
    status: &'static str,
    created_at: Timestamp,
    closed_at: Option<Timestamp>,
    closed_reason: Option<String>,
    /// The published record.
    body: Value,
}

impl From<DeadLetter> for LetterView {
    fn from(letter: DeadLetter) -> Self {
        Self {
            id: letter.id,
            topic: letter.topic.as_str(),
            payment_id: letter.payment_id,
            operation: letter.operation.map(|(_, kind)| kind),
            operation_no: letter.operation.map(|(no, _)| no),
            error_type: letter.error_type,
            status: letter.status.as_str(),
            created_at: letter.created_at,
            closed_at: letter.closed_at,
            closed_reason: letter.closed_reason,
            body: letter.body,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Letters {
    letters: Vec<LetterView>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Closed {
    changed: bool,
    status: &'static str,
    audit_id: String,
}

fn topic(request: &HttpRequest) -> Result<Topic, Problem> {
    let detail = "there is no such dead-letter topic: payment.dlq, settlement.dlq and refund.dlq are";
    Topic::parse(request.match_info().query("topic"))
        .filter(|topic| topic.is_dead_letter())
        .ok_or_else(|| Problem::new(ProblemCode::NotFound, detail))
}

fn status(name: &str) -> Result<LetterStatus, &'static str> {
    LetterStatus::parse(name).ok_or("must be open, replayed, discarded or superseded")
}

/// Lists a topic's letters, newest first.
pub(super) async fn list(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let mut parameters = query(&request)?;
        let status = parameters.optional("status", parameter(status));
        let wish = page::read(&mut parameters);
        let made = status.and_then(|status| Ok((status, wish?)));
        let (status, wish) = parameters.finish(made)?;
        let topic = topic(&request)?;
        let page = wish.of(("dlq", topic.as_str(), status.map(LetterStatus::as_str)))?;
        let found = state.operator.dead_letters(topic, status, page.before, page.asked()).await?;
        let (letters, next_cursor) = page.cut(found);
        let letters = letters.into_iter().map(LetterView::from).collect();
        Ok(success::json(StatusCode::OK, &Letters { letters, next_cursor }))
    };
    attend(&random, &request, work).await
}

/// Shows one letter.
pub(super) async fn show(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let letter = state.operator.dead_letter(topic(&request)?, request.match_info().query("letter"));
        Ok(success::json(StatusCode::OK, &LetterView::from(letter.await?)))
    };
    attend(&random, &request, work).await
}

/// Has a letter's operation tried again.
pub(super) async fn replay(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let ((), act) = read_act(&state, &request, payload, exchange, |_| Ok(())).await?;
        let id = request.match_info().query("letter");
        closed(state.operator.replay(topic(&request)?, id, act).await)
    };
    attend(&random, &request, work).await
}

/// Gives a letter's operation up.
pub(super) async fn discard(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let ((), act) = read_act(&state, &request, payload, exchange, |_| Ok(())).await?;
        let id = request.match_info().query("letter");
        closed(state.operator.discard(topic(&request)?, id, act).await)
    };
    attend(&random, &request, work).await
}

fn closed(outcome: Result<LetterOutcome, Refusal>) -> Result<HttpResponse, Problem> {
    let LetterOutcome { changed, status, audit_id } = outcome?;
    Ok(success::json(StatusCode::OK, &Closed { changed, status: status.as_str(), audit_id }))
}
