//! The questions of merchants: one payment, its history, a list.
//!
//! Owns their parameters and the shape of history and list; the payment itself is rendered by
//! [`payment_schema::representation`].

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::payment_store::PaymentFilter;
use payment_schema::cause::Cause;
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId, TraceId, Version};
use payment_schema::representation::PaymentView;
use payment_schema::status::Status;
use payment_schema::time::Timestamp;
use payment_schema::transition::Transition;
use serde::Serialize;

use super::{PublicState, render};
use crate::cursor;
use crate::exchange::Exchange;
use crate::fields::Noted;
use crate::gate::Operation;
use crate::problem::Problem;
use crate::request::{payment_id, query};
use crate::values::{self, parameter};

const DEFAULT_LIMIT: u32 = 50;
const MOST: u32 = 200;

/// A step of a payment's life.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionView {
    version: Version,
    from: Option<Status>,
    to: Status,
    cause: Cause,
    at: Timestamp,
    trace_id: TraceId,
    operation_no: OperationNo,
    attempt: Attempt,
}

impl From<Transition> for TransitionView {
    fn from(step: Transition) -> Self {
        Self {
            version: step.version,
            from: step.from,
            to: step.to,
            cause: step.cause,
            at: step.at,
            trace_id: step.trace_id,
            operation_no: step.operation_no,
            attempt: step.attempt,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryView {
    payment_id: PaymentId,
    transitions: Vec<TransitionView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListView {
    payments: Vec<PaymentView>,
    next_cursor: Option<String>,
}

/// The merchant of a question about one payment.
fn merchant(state: &PublicState, request: &HttpRequest) -> Result<MerchantId, Problem> {
    let mut parameters = query(request)?;
    let merchant_id = parameters.required("merchantId", parameter(MerchantId::parse));
    let merchant_id = parameters.finish(merchant_id)?;
    state.auth.permit(request, &merchant_id)?;
    Ok(merchant_id)
}

/// Show a payment.
pub(crate) async fn payment(state: web::Data<PublicState>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let merchant_id = merchant(&state, &request)?;
        let id = payment_id(&request)?;
        let (payment, entries) = state.ask(state.payments.payment(&merchant_id, id)).await?;
        let view = PaymentView::new(&payment, entries).with_metadata(&payment);
        Ok(render::json(StatusCode::OK, &view))
    };
    state.gate.admit(Operation::Payment, &request, work).await
}

/// Show a payment's history.
pub(crate) async fn history(state: web::Data<PublicState>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let merchant_id = merchant(&state, &request)?;
        let payment_id = payment_id(&request)?;
        let steps = state.ask(state.payments.history(&merchant_id, payment_id)).await?;
        let transitions = steps.into_iter().map(TransitionView::from).collect();
        Ok(render::json(StatusCode::OK, &HistoryView { payment_id, transitions }))
    };
    state.gate.admit(Operation::History, &request, work).await
}

/// List payments.
pub(crate) async fn list(state: web::Data<PublicState>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let filter = filter(&request)?;
        state.auth.permit(&request, &filter.merchant_id)?;
        // One more than the page shows whether another page follows.
        let asked = PaymentFilter { limit: filter.limit + 1, ..filter.clone() };
        let mut found = state.ask(state.payments.list(asked)).await?;
        let page = usize::try_from(filter.limit).expect("a page is small");
        let next = (found.len() > page).then(|| found[page - 1].0.id);
        found.truncate(page);
        let view = |(payment, entries)| PaymentView::new(&payment, entries).with_metadata(&payment);
        let next_cursor = next.map(|last| cursor::encode(last.get(), &identity(&filter)));
        let payments = found.into_iter().map(view).collect();
        Ok(render::json(StatusCode::OK, &ListView { payments, next_cursor }))
    };
    state.gate.admit(Operation::List, &request, work).await
}

fn filter(request: &HttpRequest) -> Result<PaymentFilter, Problem> {
    let mut parameters = query(request)?;
    let merchant_id = parameters.required("merchantId", parameter(MerchantId::parse));
    let status = parameters.optional("status", parameter(Status::parse));
    let from = parameters.optional("from", parameter(Timestamp::parse));
    let to = parameters.optional("to", parameter(Timestamp::parse));
    let limit = parameters.optional("limit", parameter(values::limit(MOST)));
    let cursor = parameters.optional("cursor", parameter(|text| Ok::<_, String>(text.to_owned())));
    if let (Ok(Some(from)), Ok(Some(to))) = (from, to)
        && to <= from
    {
        parameters.note("to", "must be after from");
    }
    let made = || -> Result<_, Noted> {
        let filter = PaymentFilter {
            merchant_id: merchant_id?,
            status: status?,
            from: from?,
            to: to?,
            below: None,
            limit: limit?.unwrap_or(DEFAULT_LIMIT),
        };
        Ok((filter, cursor?))
    };
    let (filter, cursor) = parameters.finish(made())?;
    let below = cursor.map(|cursor| below(&cursor, &filter)).transpose()?;
    Ok(PaymentFilter { below, ..filter })
}

fn below(cursor: &str, filter: &PaymentFilter) -> Result<PaymentId, Problem> {
    cursor::decode(cursor, &identity(filter))
        .and_then(|position| PaymentId::try_from(position).ok())
        .ok_or_else(|| Problem::field("cursor", cursor::INVALID))
}

/// What makes a list this list: its cursors fit no other. The page size may change from page to page.
fn identity(filter: &PaymentFilter) -> impl Serialize + use<> {
    ("payments", filter.merchant_id.clone(), filter.status, filter.from, filter.to)
}
