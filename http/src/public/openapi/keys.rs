//! How requests carry API keys.
//!
//! Owns the security scheme. A key is optional in the document: whether one is needed is each engine's configuration.

use payment_schema::problem::ProblemCode;
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};

const NAME: &str = "merchantKey";

/// Adds the scheme, and that operations on payments take it.
pub(super) struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        let page = ProblemCode::Unauthenticated.page();
        scheme.description =
            Some(format!("A key of the merchant, where the engine asks for one; see [401]({page})."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(NAME, SecurityScheme::Http(scheme));
        let either = [SecurityRequirement::new(NAME, [""; 0]), SecurityRequirement::default()];
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                if operation.tags.iter().flatten().any(|tag| tag == "payments") {
                    operation.security = Some(either.to_vec());
                }
            }
        }
    }
}
