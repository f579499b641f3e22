//! The idempotency key, from the body's `idempotencyKey` or the header `Idempotency-Key`.
//!
//! Owns where a key may stand and how the header is read: bare, or quoted as the IETF draft has it
//! (draft-ietf-httpapi-idempotency-key-header: a Structured Field string, RFC 9651 §3.3.3).

use actix_web::HttpRequest;
use payment_schema::text::IdempotencyKey;

use crate::fields::{Fields, Noted};
use crate::json::Json;
use crate::values;

const HEADER: &str = "Idempotency-Key";

/// The request's key, if it has one; in both places it must be the same.
pub(crate) fn read(
    request: &HttpRequest,
    fields: &mut Fields<Json>,
) -> Result<Option<IdempotencyKey>, Noted> {
    let from_body = fields.optional("idempotencyKey", values::text(IdempotencyKey::parse));
    let from_header = from_header(request).map_err(|message| fields.note(HEADER, message));
    match (from_body?, from_header?) {
        (Some(body), Some(header)) if body != header => {
            Err(fields.note(HEADER, "differs from idempotencyKey in the body; send one of them"))
        }
        (body, header) => Ok(body.or(header)),
    }
}

fn from_header(request: &HttpRequest) -> Result<Option<IdempotencyKey>, String> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("is given more than once".to_owned());
    }
    let text = value.to_str().map_err(|_| "must be printable ASCII".to_owned())?;
    let key = if text.starts_with('"') { unquote(text)? } else { text.to_owned() };
    IdempotencyKey::parse(&key).map(Some).map_err(|error| error.to_string())
}

/// The text of a Structured Field string; `\"` and `\\` are the only escapes.
fn unquote(quoted: &str) -> Result<String, String> {
    let unreadable = || "is not a well-formed quoted string".to_owned();
    let mut characters = quoted.chars().skip(1);
    let mut text = String::with_capacity(quoted.len());
    loop {
        match characters.next().ok_or_else(unreadable)? {
            '"' => break,
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                Some(_) | None => return Err(unreadable()),
            },
            plain => text.push(plain),
        }
    }
    if characters.next().is_none() { Ok(text) } else { Err(unreadable()) }
}
