//! Metrics and health, at the paths that scrapers and dashboards know.

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::random::Random;
use serde::Serialize;

use super::OperatorState;
use crate::exchange::Exchange;
use crate::routes::attend;
use crate::success;

/// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    not_ready: Vec<String>,
}

/// The metrics of this process.
pub(super) async fn metrics(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, PROMETHEUS_TEXT));
        Ok(response.body((state.metrics)()))
    };
    attend(&random, &request, work).await
}

/// UP, or DOWN with what is not ready.
pub(super) async fn health(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let not_ready = state.payments.not_ready().await;
        Ok(if not_ready.is_empty() {
            success::json(StatusCode::OK, &Health { status: "UP", not_ready })
        } else {
            success::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: "DOWN", not_ready })
        })
    };
    attend(&random, &request, work).await
}
