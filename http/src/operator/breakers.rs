//! Circuit breakers: their counts, and putting one into a state.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::api::{BreakerCommand, BreakerView};
use payment_actors::ports::random::Random;
use payment_schema::problem::ProblemCode;
use serde::Serialize;

use super::OperatorState;
use super::act::read_act;
use super::actors::Begun;
use crate::exchange::Exchange;
use crate::problem::Problem;
use crate::routes::attend;
use crate::success;
use crate::values::text;

#[derive(Serialize)]
struct Breakers {
    breakers: Vec<BreakerView>,
}

fn no_such_breaker() -> Problem {
    let detail = "there is no circuit breaker of that name; GET /circuit-breaker/status lists them";
    Problem::new(ProblemCode::NotFound, detail)
}

/// Shows every breaker.
pub(super) async fn status(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let breakers = Breakers { breakers: state.operator.breakers() };
    attend(&random, &request, async |_: &Exchange| Ok(success::json(StatusCode::OK, &breakers))).await
}

/// Shows one breaker.
pub(super) async fn breaker(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let name = request.match_info().query("name");
        let mut breakers = state.operator.breakers().into_iter();
        let breaker = breakers.find(|breaker| breaker.name == name).ok_or_else(no_such_breaker)?;
        Ok(success::json(StatusCode::OK, &breaker))
    };
    attend(&random, &request, work).await
}

/// Puts a breaker into a state.
pub(super) async fn set_state(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let read =
            read_act(&state, &request, payload, exchange, |fields| fields.required("state", text(command)));
        let (command, act) = read.await?;
        let name = request.match_info().query("name");
        let set = state.operator.set_breaker(name, command, act).await?;
        let audit_id = set.ok_or_else(no_such_breaker)?;
        Ok(success::json(StatusCode::ACCEPTED, &Begun { audit_id }))
    };
    attend(&random, &request, work).await
}

fn command(name: &str) -> Result<BreakerCommand, &'static str> {
    match name {
        "CLOSED" => Ok(BreakerCommand::Closed),
        "FORCED_OPEN" => Ok(BreakerCommand::ForcedOpen),
        "DISABLED" => Ok(BreakerCommand::Disabled),
        "FORCED_HALF_OPEN" => Ok(BreakerCommand::ForcedHalfOpen),
        _ => Err("must be CLOSED, FORCED_OPEN, DISABLED or FORCED_HALF_OPEN"),
    }
}
