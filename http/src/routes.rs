//! What all routes share: answers for unknown paths and methods, and running a handler that is not metered.

use std::time::Duration;

use actix_web::dev::HttpServiceFactory;
use actix_web::{HttpRequest, HttpResponse, Resource, Route, web};
use payment_actors::ports::random::Random;
use payment_schema::problem::ProblemCode;

use crate::exchange::{Exchange, conduct};
use crate::problem::Problem;

/// Longer than anything behind the face should take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A path that is read.
pub(crate) fn readable<F, Args>(path: &str, handler: F) -> impl HttpServiceFactory + use<F, Args>
where
    F: actix_web::Handler<Args> + Clone,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    resource(path, "GET, HEAD").route(web::get().to(handler.clone())).route(web::head().to(handler))
}

/// A path that is posted to.
pub(crate) fn postable(path: &str, route: Route) -> Resource {
    resource(path, "POST").route(route)
}

/// A path whose other methods are answered with 405 and `Allow`.
pub(crate) fn resource(path: &str, allow: &'static str) -> Resource {
    let refuse = move |request: HttpRequest, random: web::Data<dyn Random>| async move {
        attend(&random, &request, async |_| Err(Problem::method_not_allowed(allow))).await
    };
    web::resource(path).default_service(web::to(refuse))
}

/// Every path that is not known.
pub(crate) async fn unknown_path(request: HttpRequest, random: web::Data<dyn Random>) -> HttpResponse {
    attend(&random, &request, async |_| Err(Problem::not_found())).await
}

/// Runs a handler that is neither counted nor shed, but not for ever.
pub(crate) async fn attend<W>(random: &web::Data<dyn Random>, request: &HttpRequest, work: W) -> HttpResponse
where
    W: AsyncFnOnce(&Exchange) -> Result<HttpResponse, Problem>,
{
    let work = async |exchange: &Exchange| {
        let in_time = tokio::time::timeout(PATIENCE, work(exchange)).await;
        in_time.unwrap_or_else(|_| Err(Problem::new(ProblemCode::StoreUnavailable, "no answer came in time")))
    };
    conduct(&***random, request, work).await.response
}
