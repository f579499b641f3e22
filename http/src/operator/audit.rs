//! What operators did.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::journal_store::AuditEntry;
use payment_actors::ports::random::Random;
use payment_schema::time::Timestamp;
use serde::Serialize;

use super::OperatorState;
use crate::exchange::Exchange;
use crate::page;
use crate::request::query;
use crate::routes::attend;
use crate::success;

#[derive(Serialize)]
struct EntryView {
    id: String,
    who: String,
    what: String,
    target: String,
    reason: String,
    at: Timestamp,
    outcome: String,
}

impl From<AuditEntry> for EntryView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, who, what, target, reason, at, outcome } = entry;
        Self { id, who, what, target, reason, at, outcome }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entries {
    entries: Vec<EntryView>,
    next_cursor: Option<String>,
}

/// Lists every act, newest first.
pub(super) async fn list(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| {
        let mut parameters = query(&request)?;
        let wish = page::read(&mut parameters);
        let page = parameters.finish(wish)?.of("audit")?;
        let (entries, next_cursor) = page.cut(state.operator.audit(page.before, page.asked()).await?);
        let entries = entries.into_iter().map(EntryView::from).collect();
        Ok(success::json(StatusCode::OK, &Entries { entries, next_cursor }))
    };
    attend(&random, &request, work).await
}
