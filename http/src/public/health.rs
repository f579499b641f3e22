//! Whether the engine lives, and whether it can take payments.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::random::Random;
use serde::Serialize;

use super::PublicState;
use crate::exchange::Exchange;
use crate::routes::attend;
use crate::success;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    /// What is not ready, in words.
    not_ready: Vec<String>,
}

/// Tell that the process answers.
pub(crate) async fn live(random: web::Data<dyn Random>, request: HttpRequest) -> HttpResponse {
    let alive = Health { status: "live", not_ready: Vec::new() };
    attend(&random, &request, async |_: &Exchange| Ok(success::json(StatusCode::OK, &alive))).await
}

/// Tell whether payments can be taken; a balancer sends none while not.
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
