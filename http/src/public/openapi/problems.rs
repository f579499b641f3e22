//! Which errors each operation answers.
//!
//! Owns the table of codes per operation; statuses, titles and pages come from [`ProblemCode`], examples from the
//! pages.

use std::collections::BTreeMap;

use payment_schema::problem::ProblemCode;
use utoipa::Modify;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Response, ResponseBuilder};

use crate::problem::PROBLEM_JSON;
use crate::public::error_pages;

/// Every request can meet these.
const ALWAYS: &[ProblemCode] = &[
    ProblemCode::ValidationFailed,
    ProblemCode::Unauthenticated,
    ProblemCode::Forbidden,
    ProblemCode::StoreUnavailable,
    ProblemCode::Overloaded,
    ProblemCode::Internal,
];

/// Every request with a body can meet these too.
const WITH_BODY: &[ProblemCode] = &[
    ProblemCode::MalformedJson,
    ProblemCode::BodyTooLarge,
    ProblemCode::UnsupportedMediaType,
    ProblemCode::IdempotencyKeyReused,
    ProblemCode::RequestInProgress,
    ProblemCode::RateLimitExceeded,
];

fn own(operation: &str) -> &'static [ProblemCode] {
    match operation {
        "authorize" => &[
            ProblemCode::IdempotencyKeyMissing,
            ProblemCode::PgDeclined,
            ProblemCode::AuthorizationCancelled,
            ProblemCode::PgUnavailable,
        ],
        "capture" => {
            &[ProblemCode::NotFound, ProblemCode::CaptureConflict, ProblemCode::AmountExceedsAuthorized]
        }
        "refund" => {
            &[ProblemCode::NotFound, ProblemCode::RefundConflict, ProblemCode::AmountExceedsRefundable]
        }
        "cancel" => &[ProblemCode::NotFound, ProblemCode::CancelConflict],
        "payment" | "history" => &[ProblemCode::NotFound],
        _ => &[],
    }
}

/// Adds the error responses to the operations on payments.
pub(super) struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut OpenApi) {
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                if operation.tags.iter().flatten().any(|tag| tag == "payments") {
                    add_problems(operation);
                }
            }
        }
    }
}

fn add_problems(operation: &mut Operation) {
    let name = operation.operation_id.clone().unwrap_or_default();
    let with_body = if operation.request_body.is_some() { WITH_BODY } else { &[] };
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in ALWAYS.iter().chain(with_body).chain(own(&name)) {
        by_status.entry(code.status()).or_default().push(*code);
    }
    for (status, codes) in by_status {
        operation.responses.responses.insert(status.to_string(), response(&codes).into());
    }
}

fn response(codes: &[ProblemCode]) -> Response {
    let names: Vec<String> =
        codes.iter().map(|code| format!("[{}]({})", code.as_str(), code.page())).collect();
    let mut content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
    for code in codes {
        let example = ExampleBuilder::new().summary(code.title()).value(Some(error_pages::example(*code)));
        content = content.examples_from_iter([(code.as_str(), example)]);
    }
    let description = names.join(", ");
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content.build()).build()
}
