//! The OpenAPI 3.1 document, built from the annotated handlers.
//!
//! Owns the document's head and texts that several operations share; its bodies are in [`schemas`], its errors in
//! [`problems`], its keys in [`keys`].

mod keys;
mod problems;
pub(super) mod schemas;

use std::sync::LazyLock;

use bytes::Bytes;
use utoipa::OpenApi;

use self::keys::Keys;
use self::problems::Problems;
use super::{commands, health, reads};

pub(super) const KEY_HEADER: &str = "The idempotency key, bare or as a quoted string; may stand in the body as \
    `idempotencyKey` instead. One key names one command of a merchant for ever.";
pub(super) const PAYMENT_ID: &str = "The payment.";
pub(super) const MERCHANT_ID: &str = "The merchant whose payment it is.";

/// The payments API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Payments API",
        description = "Authorize, capture, refund and cancel payments. Amounts are integers in the minor unit of the \
            currency. Every path works without the `/api` prefix too. Errors are `application/problem+json` \
            (RFC 9457) with a stable `code`.",
    ),
    paths(
        commands::authorize,
        commands::capture,
        commands::refund,
        commands::cancel,
        reads::list,
        reads::payment,
        reads::history,
        health::live,
        health::ready,
    ),
    components(schemas(schemas::Problem)),
    modifiers(&Problems, &Keys),
    tags(
        (name = "payments", description = "Commands and questions of merchants."),
        (name = "health", description = "For balancers and watchdogs."),
    ),
)]
struct Document;

/// The document as JSON; it never changes while the program runs.
pub(super) fn document() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
        let json = Document::openapi().to_json();
        Bytes::from(json.expect("the document holds nothing that JSON cannot"))
    });
    DOCUMENT.clone()
}
