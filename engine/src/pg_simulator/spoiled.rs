//! How scripted faults look on the wire: answers that are wrong, broken, doubled, or never come.
//!
//! By the time anything here runs, the operation is either recorded or was never started; nothing here changes
//! what happened.

use std::convert::Infallible;
use std::io;

use actix_web::HttpResponse;
use actix_web::body::BodyStream;
use actix_web::http::header::ContentType;
use bytes::Bytes;
use futures_util::stream;

use super::answer::Answer;

/// The answer as it should be.
pub(super) fn intact(answer: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(answer)
}

/// Half of the answer under a 200.
pub(super) fn malformed(answer: &Bytes) -> HttpResponse {
    intact(answer.slice(..answer.len() / 2))
}

/// The answer with one minor unit too many.
pub(super) fn wrong_amount(answer: &Bytes) -> HttpResponse {
    let mut wrong: Answer<'_> = serde_json::from_slice(answer).expect("the gateway wrote this answer itself");
    wrong.amount += 1;
    HttpResponse::Ok().json(wrong)
}

/// The whole response twice on one connection, which then closes. HTTP/1.1 gives the second copy no meaning;
/// closing keeps a client from taking it for the answer to its next request, which it must not do anyway.
pub(super) fn doubled(answer: &Bytes) -> HttpResponse {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n",
        answer.len()
    );
    let copies = [answer.clone(), head.into(), answer.clone()].map(Ok::<_, Infallible>);
    // A stream of declared length goes out as it comes, past the declared end too.
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .force_close()
        .no_chunking(answer.len() as u64)
        .body(BodyStream::new(stream::iter(copies)))
}

/// Closes the connection without one byte of a response: the server drops a response whose body fails before
/// its first byte together with the head that it had not sent yet.
pub(super) fn cut() -> HttpResponse {
    let failure = io::Error::from(io::ErrorKind::ConnectionReset);
    HttpResponse::Ok().streaming(stream::iter([Err::<Bytes, _>(failure)]))
}
