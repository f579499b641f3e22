//! JSON answers to questions.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use serde::Serialize;

/// A JSON response.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> HttpResponse {
    let body = serde_json::to_vec(body).expect("what the engine answers holds nothing that JSON cannot");
    HttpResponse::build(status).insert_header(ContentType::json()).body(body)
}
