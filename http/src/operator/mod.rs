//! The operator listener: the supervision tree, breakers, dead letters, totals, audit, metrics.
//!
//! Owns its routes. Acting verbs need a reason and are audited behind [`OperatorApi`]; requests that another web
//! site may have sent are refused here.

mod act;
mod actors;
mod audit;
mod breakers;
mod dead_letters;
mod diagnosis;
mod observe;
mod payments;
mod stats;

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage, web};
use payment_actors::api::{OperatorApi, PaymentsApi};
use payment_actors::ports::random::Random;
use payment_actors::supervision::TreeView;

use crate::keys::Authenticator;
use crate::request::BodyLimits;
use crate::routes::{attend, postable, readable, unknown_path};

/// What the handlers of the operator listener share; cheap to clone.
#[derive(Clone)]
pub struct OperatorState {
    /// What operators can do.
    pub operator: Arc<dyn OperatorApi>,
    /// Who is let in.
    pub auth: Authenticator,
    /// The supervision tree.
    pub tree: TreeView,
    /// Renders the metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Asked for health.
    pub payments: Arc<dyn PaymentsApi>,
    /// Draws request and trace ids.
    pub random: Arc<dyn Random>,
    /// Of each body.
    pub body: BodyLimits,
}

/// Adds the operator routes to an app.
pub fn configure(config: &mut web::ServiceConfig, state: &OperatorState) {
    config.app_data(web::Data::from(Arc::clone(&state.random))).app_data(web::Data::new(state.clone()));
    // Probes carry no keys, so this route stands before those that ask for one.
    config.service(readable("/actuator/health", observe::health));
    let routes = web::scope("")
        .service(readable("/api/admin/actors", actors::tree))
        .service(readable("/api/admin/actors/stream", actors::stream))
        .service(postable("/api/admin/actors/{verb:restart|kill|pause|resume}", web::post().to(actors::act)))
        .service(readable("/circuit-breaker/status", breakers::status))
        .service(readable("/circuit-breaker/{name}", breakers::breaker))
        .service(postable("/circuit-breaker/{name}/state", web::post().to(breakers::set_state)))
        .service(readable("/monitoring/circuit-breaker", diagnosis::all))
        .service(readable("/monitoring/circuit-breaker/status", diagnosis::status))
        .service(readable("/monitoring/circuit-breaker/health", diagnosis::health))
        .service(readable("/monitoring/circuit-breaker/diagnose", diagnosis::diagnose))
        .service(readable("/stats/settlement", stats::settlement))
        .service(readable("/stats/refund", stats::refund))
        .service(readable("/stats/overview", stats::overview))
        .service(readable("/api/admin/dlq/{topic}", dead_letters::list))
        .service(readable("/api/admin/dlq/{topic}/{letter}", dead_letters::show))
        .service(postable("/api/admin/dlq/{topic}/{letter}/replay", web::post().to(dead_letters::replay)))
        .service(postable("/api/admin/dlq/{topic}/{letter}/discard", web::post().to(dead_letters::discard)))
        .service(postable("/api/admin/payments/{paymentId}/resolve", web::post().to(payments::resolve)))
        .service(readable("/api/admin/audit", audit::list))
        .service(readable("/metrics", observe::metrics))
        .service(readable("/actuator/prometheus", observe::metrics))
        .default_service(web::to(unknown_path));
    config.service(routes.wrap(from_fn(let_in)));
}

/// Stands before every route but the one for probes: a route that is added later asks for a key too.
async fn let_in(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let identity = state.auth.identify(request.headers());
    match identity.and_then(|identity| identity.operate().map(|()| identity)) {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        Err(problem) => {
            let response = attend(&random, request.request(), async |_| Err(problem)).await;
            Ok(request.into_response(response))
        }
    }
}
