//! The questions of merchants: one payment, its history, a list.
//!
//! Owns their parameters and the shape of history and list; the payment itself is rendered by
//! [`payment_schema::representation`].

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::payment_store::PaymentFilter;
use payment_schema::cause::Cause;
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId, TraceId, Version};
use payment_schema::payment::Payment;
use payment_schema::representation::PaymentView;
use payment_schema::status::Status;
use payment_schema::time::Timestamp;
use payment_schema::transition::Transition;
use serde::Serialize;

use super::PublicState;
use super::openapi::{MERCHANT_ID, PAYMENT_ID, schemas};
use crate::cursor;
use crate::exchange::Exchange;
use crate::fields::Noted;
use crate::gate::Operation;
use crate::page::{self, Page};
use crate::problem::Problem;
use crate::request::{payment_id, query};
use crate::success;
use crate::values::parameter;

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
    let caller = state.auth.identify(request.headers())?;
    let mut parameters = query(request)?;
    let merchant_id = parameters.required("merchantId", parameter(MerchantId::parse));
    let merchant_id = parameters.finish(merchant_id)?;
    caller.act_for(&merchant_id)?;
    Ok(merchant_id)
}

/// Show a payment.
#[utoipa::path(
    get,
    path = "/api/payments/{paymentId}",
    operation_id = "payment",
    tag = "payments",
    params(
        ("paymentId" = schemas::PaymentId, Path, description = PAYMENT_ID),
        ("merchantId" = schemas::MerchantId, Query, description = MERCHANT_ID),
    ),
    responses((status = 200, description = "The payment as it is now.", body = schemas::PaymentWithMetadata)),
)]
pub(crate) async fn payment(state: web::Data<PublicState>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let merchant_id = merchant(&state, &request)?;
        let id = payment_id(&request)?;
        let (payment, entries) = state.ask(state.payments.payment(&merchant_id, id)).await?;
        let view = PaymentView::new(&payment, entries).with_metadata(&payment);
        Ok(success::json(StatusCode::OK, &view))
    };
    state.gate.admit(Operation::Payment, &request, work).await
}

/// Show a payment's history.
#[utoipa::path(
    get,
    path = "/api/payments/{paymentId}/history",
    operation_id = "history",
    tag = "payments",
    params(
        ("paymentId" = schemas::PaymentId, Path, description = PAYMENT_ID),
        ("merchantId" = schemas::MerchantId, Query, description = MERCHANT_ID),
    ),
    responses((status = 200, description = "Every transition, oldest first.", body = schemas::History)),
)]
pub(crate) async fn history(state: web::Data<PublicState>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let merchant_id = merchant(&state, &request)?;
        let payment_id = payment_id(&request)?;
        let steps = state.ask(state.payments.history(&merchant_id, payment_id)).await?;
        let transitions = steps.into_iter().map(TransitionView::from).collect();
        Ok(success::json(StatusCode::OK, &HistoryView { payment_id, transitions }))
    };
    state.gate.admit(Operation::History, &request, work).await
}

/// List payments.
#[utoipa::path(
    get,
    path = "/api/payments",
    operation_id = "list",
    tag = "payments",
    description = "Newest first. Follow `nextCursor` until it is null; a cursor fits only the list it came from.",
    params(
        ("merchantId" = schemas::MerchantId, Query, description = MERCHANT_ID),
        ("status" = Option<schemas::Status>, Query, description = "Only payments in this state."),
        ("from" = Option<schemas::Moment>, Query, description = "Created at or after this moment."),
        ("to" = Option<schemas::Moment>, Query, description = "Created before this moment."),
        ("limit" = Option<u32>, Query, description = "Payments per page, 50 unless given.", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "The `nextCursor` of the page before."),
    ),
    responses((status = 200, description = "One page.", body = schemas::PaymentList)),
)]
pub(crate) async fn list(state: web::Data<PublicState>, request: HttpRequest) -> HttpResponse {
    let work = async |_: &Exchange| {
        let caller = state.auth.identify(request.headers())?;
        let (filter, page) = filter(&request)?;
        caller.act_for(&filter.merchant_id)?;
        let found = state.ask(state.payments.list(filter)).await?;
        let view = |(payment, entries): (Payment, _)| {
            (payment.id.get(), PaymentView::new(&payment, entries).with_metadata(&payment))
        };
        let (payments, next_cursor) = page.cut(found.into_iter().map(view).collect());
        Ok(success::json(StatusCode::OK, &ListView { payments, next_cursor }))
    };
    state.gate.admit(Operation::List, &request, work).await
}

fn filter(request: &HttpRequest) -> Result<(PaymentFilter, Page<impl Serialize + use<>>), Problem> {
    let mut parameters = query(request)?;
    let merchant_id = parameters.required("merchantId", parameter(MerchantId::parse));
    let status = parameters.optional("status", parameter(Status::parse));
    let from = parameters.optional("from", parameter(Timestamp::parse));
    let to = parameters.optional("to", parameter(Timestamp::parse));
    let wish = page::read(&mut parameters);
    if let (Ok(Some(from)), Ok(Some(to))) = (from, to)
        && to <= from
    {
        parameters.note("to", "must be after from");
    }
    let made = || -> Result<_, Noted> { Ok((merchant_id?, status?, from?, to?, wish?)) };
    let (merchant_id, status, from, to, wish) = parameters.finish(made())?;
    // What makes a list this list; the page size may change from page to page.
    let page = wish.of(("payments", merchant_id.clone(), status, from, to))?;
    let below = page.before.map(PaymentId::try_from).transpose();
    let below = below.map_err(|_| Problem::field("cursor", cursor::INVALID))?;
    Ok((PaymentFilter { merchant_id, status, from, to, below, limit: page.asked() }, page))
}
