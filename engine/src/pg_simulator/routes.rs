//! The HTTP face: which path does what.
//!
//! It turns requests into calls of the gateway and answers back into responses. It holds no state and decides
//! nothing.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Path, PayloadConfig, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, error, web};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::desk::Desk;
use super::error::RequestError;
use super::faults::{FaultKind, FaultRequest, ScriptedFault, Strike};
use super::gateway::{Arrival, Gateway};
use super::operation::Operation;
use super::operations::Intake;
use super::request;
use super::spoiled;

/// Far more than any valid body needs.
const BODY_LIMIT: usize = 16 * 1024;
const DEFAULT_PAGE: usize = 100;
/// A larger `limit` is answered with this many entries and a `next`.
const MAX_PAGE: usize = 10_000;

/// What the handlers of one worker work with.
pub(super) struct WorkerContext {
    pub(super) gateway: Arc<Gateway>,
    pub(super) desk: Rc<Desk>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) unanswered_limit: Duration,
}

type Context = Data<WorkerContext>;
type Body = Result<Bytes, error::Error>;
type Handled = Result<HttpResponse, RequestError>;

/// Routes everything, for one worker.
pub(super) fn configure(config: &mut ServiceConfig, context: WorkerContext) {
    config.app_data(Data::new(context)).app_data(PayloadConfig::new(BODY_LIMIT));
    for operation in Operation::ALL {
        let handler =
            move |http: HttpRequest, body: Body, context: Context| operate(operation, http, body, context);
        config.service(at(&format!("/v1/{}", operation.name())).route(web::post().to(handler)));
    }
    config
        .service(at("/v1/operations/{key}").route(web::get().to(operation)))
        .service(at("/v1/record").route(web::get().to(record)))
        .service(
            at("/v1/faults")
                .route(web::post().to(add_fault))
                .route(web::get().to(faults))
                .route(web::delete().to(clear_faults)),
        )
        .service(at("/health").route(web::get().to(health)))
        .default_service(web::to(no_such_path));
}

fn at(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(method_not_allowed))
}

async fn operate(operation: Operation, http: HttpRequest, body: Body, context: Context) -> Handled {
    let key = http.headers().get("idempotency-key").ok_or(RequestError::KeyMissing)?;
    let key = key.to_str().map_err(|_| invalid("the header Idempotency-Key must be printable ASCII"))?;
    let request = request::read(operation, key, &readable(body)?)?;
    let key = request.key;
    match context.gateway.accept(request)? {
        Arrival::Known(answer) => Ok(spoiled::intact(answer)),
        Arrival::New(Intake::Refused(strike)) => {
            context.keep_back(&strike).await;
            refuse(strike.kind)
        }
        Arrival::New(Intake::Accepted { latency, answer, strike }) => {
            context.desk.schedule(key, latency);
            let Ok(answer) = answer.await else {
                // The simulator stopped or lost its record: to the client it died.
                return Ok(spoiled::cut());
            };
            let Some(strike) = strike else {
                return Ok(spoiled::intact(answer));
            };
            context.keep_back(&strike).await;
            Ok(spoil(strike.kind, answer))
        }
    }
}

/// The answer to an operation that a fault kept from being done.
fn refuse(kind: FaultKind) -> Handled {
    if kind == FaultKind::ServerError { Err(RequestError::ScriptedError) } else { Ok(spoiled::cut()) }
}

/// The answer to an operation that was done under a fault.
fn spoil(kind: FaultKind, answer: Bytes) -> HttpResponse {
    match kind {
        FaultKind::MalformedJson => spoiled::malformed(&answer),
        FaultKind::WrongAmount => spoiled::wrong_amount(&answer),
        FaultKind::DuplicateAnswer => spoiled::doubled(&answer),
        FaultKind::TimeoutAfter => spoiled::cut(),
        FaultKind::Failed
        | FaultKind::Decline
        | FaultKind::LateAnswer
        | FaultKind::ServerError
        | FaultKind::ConnectionReset
        | FaultKind::TimeoutBefore => spoiled::intact(answer),
    }
}

impl WorkerContext {
    async fn keep_back(&self, strike: &Strike) {
        let delay = strike.delay(self.unanswered_limit);
        self.gateway.waiting.keep_back(delay, self.stop.clone()).await;
    }
}

async fn operation(key: Path<String>, context: Context) -> Handled {
    let known = match key.parse() {
        Ok(parsed) => context.gateway.look_up(&parsed)?,
        // Such a key cannot have been seen.
        Err(_) => None,
    };
    known.map(spoiled::intact).ok_or_else(|| RequestError::NeverSeen { key: key.into_inner() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

async fn record(query: Result<Query<PageQuery>, error::Error>, context: Context) -> Handled {
    let query =
        query.map_err(|reason| invalid(format!("after and limit must be whole numbers: {reason}")))?;
    let limit = query.limit.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE);
    if limit == 0 {
        return Err(invalid("limit must be at least 1"));
    }
    let (gateway, after) = (Arc::clone(&context.gateway), query.after);
    // A page may take milliseconds of reading; operations must not wait for it.
    let page = web::block(move || gateway.page(after, limit)).await.map_err(|_| RequestError::Stopping)??;
    Ok(spoiled::intact(page.into()))
}

#[derive(Serialize)]
struct Script {
    faults: Vec<ScriptedFault>,
}

async fn add_fault(body: Body, context: Context) -> Handled {
    let request: FaultRequest = serde_json::from_slice(&readable(body)?)
        .map_err(|reason| invalid(format!("the body is not a valid fault: {reason}")))?;
    context.gateway.add_fault(&request).map(|fault| HttpResponse::Ok().json(fault))
}

async fn faults(context: Context) -> HttpResponse {
    HttpResponse::Ok().json(Script { faults: context.gateway.faults() })
}

async fn clear_faults(context: Context) -> HttpResponse {
    context.gateway.clear_faults();
    faults(context).await
}

async fn health(context: Context) -> Handled {
    context.gateway.health().map(|health| HttpResponse::Ok().json(health))
}

async fn no_such_path(http: HttpRequest) -> Handled {
    Err(RequestError::NoSuchPath { path: http.path().to_owned() })
}

async fn method_not_allowed(http: HttpRequest) -> Handled {
    Err(RequestError::MethodNotAllowed { method: http.method().to_string(), path: http.path().to_owned() })
}

fn readable(body: Body) -> Result<Bytes, RequestError> {
    body.map_err(|reason| {
        if reason.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE {
            RequestError::BodyTooLarge { limit: BODY_LIMIT }
        } else {
            invalid(format!("the body cannot be read: {reason}"))
        }
    })
}

fn invalid(message: impl Into<String>) -> RequestError {
    RequestError::Invalid(message.into())
}
