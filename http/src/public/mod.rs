//! The public listener: the payments API, health, the OpenAPI document and the pages about errors.
//!
//! Owns its routes. Every path works with and without the `/api` prefix; documents and links use the one with it.

mod commands;
mod error_pages;
mod health;
mod openapi;
mod pages;
mod reads;
mod render;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use payment_actors::api::{PaymentsApi, Refusal};
use payment_actors::ports::random::Random;
use payment_schema::problem::ProblemCode;

use crate::gate::{Gate, HttpMeter};
use crate::keys::Authenticator;
use crate::problem::Problem;
pub use crate::request::BodyLimits;
use crate::routes::{postable, readable, unknown_path};

/// What the public listener lets in.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of each body.
    pub body: BodyLimits,
    /// How long the face waits for the engine. The engine keeps a deadline of its own; this must be longer, so that
    /// its better answer comes first.
    pub patience: Duration,
    /// Requests worked on at one time; more are answered 503 `OVERLOADED`.
    pub max_in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: BodyLimits::default(), patience: Duration::from_secs(12), max_in_flight: 20_000 }
    }
}

/// What the handlers of the public listener share; cheap to clone.
#[derive(Clone)]
pub struct PublicState {
    payments: Arc<dyn PaymentsApi>,
    limits: Limits,
    auth: Authenticator,
    random: Arc<dyn Random>,
    gate: Arc<Gate>,
}

impl PublicState {
    /// Puts the parts together. `random` draws request and trace ids.
    #[must_use]
    pub fn new(
        payments: Arc<dyn PaymentsApi>,
        limits: Limits,
        auth: Authenticator,
        meter: Arc<dyn HttpMeter>,
        random: Arc<dyn Random>,
    ) -> Self {
        let gate = Arc::new(Gate::new(Arc::clone(&random), meter, limits.max_in_flight));
        Self { payments, limits, auth, random, gate }
    }

    /// Waits for the engine. It keeps its own deadline; should it fail to, the client hears that the outcome is
    /// not known.
    async fn ask<T>(&self, answer: impl Future<Output = Result<T, Refusal>>) -> Result<T, Problem> {
        match tokio::time::timeout(self.limits.patience, answer).await {
            Ok(result) => result.map_err(Problem::from),
            Err(_) => {
                let detail = "the engine did not answer in time; whether it obeyed is not known: repeat with the same key";
                Err(Problem::new(ProblemCode::StoreUnavailable, detail))
            }
        }
    }
}

/// Adds the public routes to an app.
pub fn configure(config: &mut web::ServiceConfig, state: &PublicState) {
    config.app_data(web::Data::from(Arc::clone(&state.random))).app_data(web::Data::new(state.clone()));
    for prefix in ["/api", ""] {
        let path = |path: &str| format!("{prefix}{path}");
        config
            .service(postable(&path("/payments/authorize"), web::post().to(commands::authorize)))
            .service(postable(&path("/payments/capture/{paymentId}"), web::post().to(commands::capture)))
            .service(postable(&path("/payments/refund/{paymentId}"), web::post().to(commands::refund)))
            .service(postable(&path("/payments/cancel/{paymentId}"), web::post().to(commands::cancel)))
            .service(readable(&path("/payments"), reads::list))
            .service(readable(&path("/payments/{paymentId}"), reads::payment))
            .service(readable(&path("/payments/{paymentId}/history"), reads::history))
            .service(readable(&path("/health/live"), health::live))
            .service(readable(&path("/health/ready"), health::ready))
            .service(readable(&path("/openapi.json"), pages::openapi))
            .service(readable(&path("/docs"), pages::docs))
            .service(readable(&path("/docs/errors/{code}"), pages::error_page))
            .service(readable(&path("/docs/{file:.*}"), pages::docs));
    }
    config.default_service(web::to(unknown_path));
}
