//! The payment gateway (PG).

use async_trait::async_trait;
use payment_schema::pg::{Finding, PgRequest};

/// Speaks with the PG. An adapter keeps its own time limits (connect, and per operation) and turns everything
/// that happens into a [`Finding`]; it never retries.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Sends the request under its key.
    async fn send(&self, request: &PgRequest) -> Finding;

    /// Asks what became of the request's key.
    async fn query(&self, request: &PgRequest) -> Finding;
}
