//! Circuit breakers in words: what a state means, and what an operator may do about it.
//!
//! Owns the analysis under `/monitoring/circuit-breaker`. Reads the breakers; never changes one.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::api::BreakerView;
use payment_actors::ports::random::Random;
use serde::Serialize;

use super::OperatorState;
use crate::exchange::Exchange;
use crate::routes::attend;
use crate::success;

/// How a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    /// Calls pass.
    Healthy,
    /// Calls pass, but not as they should: probes, or a judge that was switched off.
    Degraded,
    /// Calls are refused.
    Refusing,
}

#[derive(Serialize)]
struct Diagnosis {
    #[serde(flatten)]
    breaker: BreakerView,
    health: Health,
    analysis: String,
    recommendations: Vec<&'static str>,
}

#[derive(Serialize)]
struct Diagnoses {
    health: Health,
    breakers: Vec<Diagnosis>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    state: &'static str,
    health: Health,
}

#[derive(Serialize)]
struct Lines {
    health: Health,
    breakers: Vec<Line>,
}

/// Every breaker with its analysis.
pub(super) async fn all(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let body = diagnoses(state.operator.breakers(), |_| true);
    attend(&random, &request, async |_: &Exchange| Ok(success::json(StatusCode::OK, &body))).await
}

/// Only the breakers that need attention.
pub(super) async fn diagnose(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let body = diagnoses(state.operator.breakers(), |health| health != Health::Healthy);
    attend(&random, &request, async |_: &Exchange| Ok(success::json(StatusCode::OK, &body))).await
}

/// A line for every breaker.
pub(super) async fn status(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let body = lines(&state.operator.breakers());
    attend(&random, &request, async |_: &Exchange| Ok(success::json(StatusCode::OK, &body))).await
}

/// 200 while every dependency may be called, 503 while one is refused.
pub(super) async fn health(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let body = lines(&state.operator.breakers());
    let status =
        if body.health == Health::Refusing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    attend(&random, &request, async |_: &Exchange| Ok(success::json(status, &body))).await
}

fn diagnoses(breakers: Vec<BreakerView>, shown: impl Fn(Health) -> bool) -> Diagnoses {
    let all: Vec<Diagnosis> = breakers.into_iter().map(diagnosis).collect();
    let health = worst(all.iter().map(|line| line.health));
    Diagnoses { health, breakers: all.into_iter().filter(|line| shown(line.health)).collect() }
}

fn lines(breakers: &[BreakerView]) -> Lines {
    let line =
        |breaker: &BreakerView| Line { name: breaker.name, state: breaker.state, health: health_of(breaker) };
    let breakers: Vec<Line> = breakers.iter().map(line).collect();
    Lines { health: worst(breakers.iter().map(|line| line.health)), breakers }
}

fn worst(healths: impl Iterator<Item = Health>) -> Health {
    healths.max().unwrap_or(Health::Healthy)
}

fn health_of(breaker: &BreakerView) -> Health {
    match breaker.state {
        "CLOSED" => Health::Healthy,
        "OPEN" | "FORCED_OPEN" => Health::Refusing,
        _ => Health::Degraded,
    }
}

fn diagnosis(breaker: BreakerView) -> Diagnosis {
    let health = health_of(&breaker);
    let analysis = analysis(&breaker);
    let recommendations = recommendations(&breaker);
    Diagnosis { breaker, health, analysis, recommendations }
}

fn analysis(breaker: &BreakerView) -> String {
    let (calls, failed) = (breaker.number_of_buffered_calls, breaker.number_of_failed_calls);
    match breaker.state {
        "OPEN" => format!(
            "{failed} of the last {calls} calls failed ({}); {} calls were refused since it opened, and probes follow by \
             themselves",
            breaker.failure_rate, breaker.number_of_not_permitted_calls
        ),
        "HALF_OPEN" => format!("probes are being made; {calls} have ended, {failed} of them badly"),
        "FORCED_OPEN" => "an operator has every call refused".to_owned(),
        "FORCED_HALF_OPEN" => "an operator has only probes permitted".to_owned(),
        "DISABLED" => "an operator has switched the judging off: every call passes".to_owned(),
        _ if calls == 0 => "no call has been judged yet".to_owned(),
        _ => format!("{failed} of the last {calls} calls failed; calls pass"),
    }
}

fn recommendations(breaker: &BreakerView) -> Vec<&'static str> {
    match (breaker.state, breaker.name) {
        ("OPEN", "kafka-publisher") => vec![
            "look whether the event log can be reached; payments go on, and their events wait in the outbox",
            "nothing has to be replayed: the backlog is published when the breaker closes",
        ],
        ("OPEN", _) => vec![
            "look whether the payment gateway answers",
            "new authorizations are refused with PG_UNAVAILABLE; captures, refunds and cancels are accepted and queued",
        ],
        ("HALF_OPEN", _) => vec!["wait for the probes to decide"],
        ("FORCED_OPEN" | "FORCED_HALF_OPEN" | "DISABLED", _) => {
            vec!["set the state CLOSED when the reason for the command is gone"]
        }
        _ => Vec::new(),
    }
}
