//! The commands of merchants: authorize, capture, refund, cancel.
//!
//! Owns how their bodies are read. What they do is decided behind [`payment_actors::api::PaymentsApi`].

use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::api::Caller;
use payment_schema::command::{Authorize, Cancel, Capture, Refund};
use payment_schema::currency::Currency;
use payment_schema::ids::MerchantId;
use payment_schema::problem::ProblemCode;
use payment_schema::text::{IdempotencyKey, OrderId, Reason};

use super::openapi::schemas::{
    AuthorizeRequest, CancelRequest, CaptureRequest, Payment, PaymentId, RefundRequest,
};
use super::openapi::{KEY_HEADER, PAYMENT_ID};
use super::{PublicState, render};
use crate::exchange::Exchange;
use crate::fields::{Fields, Noted};
use crate::gate::Operation;
use crate::idempotency_key;
use crate::json::Json;
use crate::problem::Problem;
use crate::request::{no_query, payment_id, read_body};
use crate::values;

/// A command with what every command's body names.
struct Request<C> {
    merchant_id: MerchantId,
    key: Option<IdempotencyKey>,
    command: C,
}

impl<C> Request<C> {
    /// Reads a whole body: merchant, key, and the rest by `read`.
    async fn read(
        state: &PublicState,
        request: &HttpRequest,
        payload: web::Payload,
        read: impl FnOnce(&mut Fields<Json>, &MerchantIdField) -> Result<C, Noted>,
    ) -> Result<Self, Problem> {
        let caller = state.auth.identify(request.headers())?;
        let mut fields = read_body(request, payload, &state.limits.body).await?;
        no_query(request)?;
        let merchant_id = fields.required("merchantId", values::text(MerchantId::parse));
        let key = idempotency_key::read(request, &mut fields);
        let command = read(&mut fields, &merchant_id);
        let made = merchant_id.and_then(|merchant_id| Ok(Self { merchant_id, key: key?, command: command? }));
        let read = fields.finish(made)?;
        caller.act_for(&read.merchant_id)?;
        Ok(read)
    }

    fn caller(&self, exchange: &Exchange) -> Caller {
        Caller { merchant_id: self.merchant_id.clone(), key: self.key.clone(), trace_id: exchange.trace_id }
    }
}

/// The merchant as read so far; an authorization carries it in its command too.
type MerchantIdField = Result<MerchantId, Noted>;

fn read_authorize(fields: &mut Fields<Json>, merchant_id: &MerchantIdField) -> Result<Authorize, Noted> {
    let amount = fields.required("amount", values::amount);
    let currency = fields.required("currency", values::text(Currency::parse));
    let capture_mode = fields.optional("captureMode", values::text(values::capture_mode));
    let order_id = fields.optional("orderId", values::text(OrderId::parse));
    let metadata = fields.optional("metadata", values::metadata);
    Ok(Authorize {
        merchant_id: merchant_id.clone()?,
        amount: amount?,
        currency: currency?,
        capture_mode: capture_mode?.unwrap_or_default(),
        order_id: order_id?,
        metadata: metadata?.unwrap_or_default(),
    })
}

fn read_capture(fields: &mut Fields<Json>, _: &MerchantIdField) -> Result<Capture, Noted> {
    Ok(Capture { amount: fields.optional("amount", values::amount)? })
}

fn read_refund(fields: &mut Fields<Json>, _: &MerchantIdField) -> Result<Refund, Noted> {
    let amount = fields.optional("amount", values::amount);
    let reason = fields.required("reason", values::text(Reason::parse));
    Ok(Refund { amount: amount?, reason: reason? })
}

fn read_cancel(fields: &mut Fields<Json>, _: &MerchantIdField) -> Result<Cancel, Noted> {
    Ok(Cancel { reason: fields.required("reason", values::text(Reason::parse))? })
}

/// Authorize a payment.
#[utoipa::path(
    post,
    path = "/api/payments/authorize",
    operation_id = "authorize",
    tag = "payments",
    description = "Holds money. Waits for the payment gateway; when it has not answered in time, the answer is 202 and \
                   the outcome is to be asked for at `Location`. Repeat a request whose answer was lost with the same \
                   idempotency key: it never charges twice.",
    params(("Idempotency-Key" = Option<String>, Header, description = KEY_HEADER)),
    request_body(content = AuthorizeRequest),
    responses(
        (status = 200, description = "The money is held; or its automatic capture is under way.", body = Payment),
        (status = 202, description = "Accepted; the payment gateway has not answered yet.", body = Payment),
    ),
)]
pub(crate) async fn authorize(
    state: web::Data<PublicState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let read = Request::read(&state, &request, payload, read_authorize).await?;
        if read.key.is_none() {
            let detail = "an authorization needs an idempotency key: send idempotencyKey in the body or the header Idempotency-Key";
            return Err(Problem::new(ProblemCode::IdempotencyKeyMissing, detail));
        }
        let caller = read.caller(exchange);
        let outcome = state.ask(state.payments.authorize(caller, read.command)).await?;
        Ok(render::outcome(outcome, &read.merchant_id))
    };
    state.gate.admit(Operation::Authorize, &request, work).await
}

/// Capture a payment.
#[utoipa::path(
    post,
    path = "/api/payments/capture/{paymentId}",
    operation_id = "capture",
    tag = "payments",
    description = "Takes held money, once; what is not captured is released. The capture is done in the background: \
                   look at the payment until it is CAPTURED.",
    params(
        ("paymentId" = PaymentId, Path, description = PAYMENT_ID),
        ("Idempotency-Key" = Option<String>, Header, description = KEY_HEADER),
    ),
    request_body(content = CaptureRequest),
    responses((status = 200, description = "The capture is accepted, or was before.", body = Payment)),
)]
pub(crate) async fn capture(
    state: web::Data<PublicState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let read = Request::read(&state, &request, payload, read_capture).await?;
        let id = payment_id(&request)?;
        let caller = read.caller(exchange);
        let outcome = state.ask(state.payments.capture(caller, id, read.command)).await?;
        Ok(render::outcome(outcome, &read.merchant_id))
    };
    state.gate.admit(Operation::Capture, &request, work).await
}

/// Refund a payment.
#[utoipa::path(
    post,
    path = "/api/payments/refund/{paymentId}",
    operation_id = "refund",
    tag = "payments",
    description = "Gives captured money back, all of it or a part. Without a key, a refund equal to one of the last ten \
                   minutes is that one again; intentional twins need keys.",
    params(
        ("paymentId" = PaymentId, Path, description = PAYMENT_ID),
        ("Idempotency-Key" = Option<String>, Header, description = KEY_HEADER),
    ),
    request_body(content = RefundRequest),
    responses((status = 200, description = "The refund is accepted, or was before.", body = Payment)),
)]
pub(crate) async fn refund(
    state: web::Data<PublicState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let read = Request::read(&state, &request, payload, read_refund).await?;
        let id = payment_id(&request)?;
        let caller = read.caller(exchange);
        let outcome = state.ask(state.payments.refund(caller, id, read.command)).await?;
        Ok(render::outcome(outcome, &read.merchant_id))
    };
    state.gate.admit(Operation::Refund, &request, work).await
}

/// Cancel a payment.
#[utoipa::path(
    post,
    path = "/api/payments/cancel/{paymentId}",
    operation_id = "cancel",
    tag = "payments",
    description = "Releases the hold of a payment that was not captured.",
    params(
        ("paymentId" = PaymentId, Path, description = PAYMENT_ID),
        ("Idempotency-Key" = Option<String>, Header, description = KEY_HEADER),
    ),
    request_body(content = CancelRequest),
    responses(
        (status = 200, description = "The payment is cancelled.", body = Payment),
        (status = 202, description = "The payment gateway has not confirmed the void yet.", body = Payment),
    ),
)]
pub(crate) async fn cancel(
    state: web::Data<PublicState>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let read = Request::read(&state, &request, payload, read_cancel).await?;
        let id = payment_id(&request)?;
        let caller = read.caller(exchange);
        let outcome = state.ask(state.payments.cancel(caller, id, read.command)).await?;
        Ok(render::outcome(outcome, &read.merchant_id))
    };
    state.gate.admit(Operation::Cancel, &request, work).await
}
