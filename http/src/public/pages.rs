//! The OpenAPI document, its page, and the pages about errors.
//!
//! Owns how they are served. The page for the document is Swagger UI, built into the program; nothing is fetched
//! from elsewhere.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header::{ACCEPT, CONTENT_TYPE, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::random::Random;
use payment_schema::problem::ProblemCode;
use utoipa_swagger_ui::Config;

use super::{error_pages, openapi};
use crate::exchange::Exchange;
use crate::problem::Problem;
use crate::routes::attend;

/// Shows the document.
pub(super) async fn openapi(random: web::Data<dyn Random>, request: HttpRequest) -> HttpResponse {
    let document = openapi::document();
    let work = async |_: &Exchange| Ok(HttpResponse::Ok().insert_header(ContentType::json()).body(document));
    attend(&random, &request, work).await
}

/// Shows Swagger UI, or a file of it.
pub(super) async fn docs(random: web::Data<dyn Random>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let name = request.match_info().get("file");
        let config = Arc::new(Config::from("/openapi.json"));
        let file = utoipa_swagger_ui::serve(name.unwrap_or_default(), config);
        let file = file.ok().flatten().ok_or_else(Problem::not_found)?;
        let bytes = if name.is_none() { below_docs(&file.bytes) } else { file.bytes };
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, file.content_type));
        Ok(response.body(bytes.into_owned()))
    };
    attend(&random, &request, work).await
}

/// The start page without the final slash in its address; its relative links need to be told where they belong.
fn below_docs(page: &[u8]) -> Cow<'_, [u8]> {
    let page = String::from_utf8_lossy(page).replacen("<head>", "<head><base href=\"docs/\">", 1);
    Cow::Owned(page.into_bytes())
}

/// Shows the page about a problem code: HTML for browsers, Markdown for the rest.
pub(super) async fn error_page(random: web::Data<dyn Random>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let slug = request.match_info().query("code");
        let code = ProblemCode::ALL.iter().find(|code| code.slug() == slug).ok_or_else(Problem::not_found)?;
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let mut response = HttpResponse::Ok();
        Ok(if accept.is_some_and(|accept| accept.contains("text/html")) {
            response.insert_header(ContentType::html()).body(error_pages::html(*code))
        } else {
            response.insert_header((CONTENT_TYPE, "text/markdown; charset=utf-8"));
            response.body(error_pages::markdown(*code))
        })
    };
    attend(&random, &request, work).await
}
