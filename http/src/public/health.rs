//! Whether the engine lives, and whether it can take payments.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::random::Random;
use serde::Serialize;

use super::PublicState;
use crate::exchange::Exchange;
use crate::routes::attend;
use crate::success;

/// How the engine is.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// `live`, `ready` or `not-ready`.
    status: &'static str,
    /// What is not ready, in words; empty when all is.
    not_ready: Vec<String>,
}

/// Tell that the process answers.
#[utoipa::path(
    get,
    path = "/health/live",
    operation_id = "live",
    tag = "health",
    responses((status = 200, description = "The process answers.", body = Health)),
)]
pub(crate) async fn live(random: web::Data<dyn Random>, request: HttpRequest) -> HttpResponse {
    let alive = Health { status: "live", not_ready: Vec::new() };
    attend(&random, &request, async |_: &Exchange| Ok(success::json(StatusCode::OK, &alive))).await
}

/// Tell whether payments can be taken; a balancer sends none while not.
#[utoipa::path(
    get,
    path = "/health/ready",
    operation_id = "ready",
    tag = "health",
    responses(
        (status = 200, description = "Payments can be taken.", body = Health),
        (status = 503, description = "Some part is not ready; `notReady` names it.", body = Health),
    ),
)]
pub(crate) async fn ready(
    state: web::Data<PublicState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let not_ready = state.ask(async { Ok(state.payments.not_ready().await) }).await?;
        Ok(if not_ready.is_empty() {
            success::json(StatusCode::OK, &Health { status: "ready", not_ready })
        } else {
            success::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "not-ready", not_ready })
        })
    };
    attend(&random, &request, work).await
}
