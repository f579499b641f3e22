//! Settling what the PG does not tell.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::ports::random::Random;
use payment_schema::command::ResolvedOutcome;
use payment_schema::ids::OperationNo;

use super::OperatorState;
use super::act::read_act;
use super::actors::Begun;
use crate::exchange::Exchange;
use crate::fields::{Fields, Noted};
use crate::json::Json;
use crate::request::payment_id;
use crate::routes::attend;
use crate::success;
use crate::values::{integer, text};

const LONGEST_TRANSACTION_ID: usize = 128;

struct Resolution {
    operation_no: OperationNo,
    outcome: ResolvedOutcome,
    pg_transaction_id: Option<String>,
}

/// Settles an unknown or mismatching outcome by an operator's word.
pub(super) async fn resolve(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let work = async |exchange: &Exchange| {
        let (resolution, act) = read_act(&state, &request, payload, exchange, read).await?;
        let id = payment_id(&request)?;
        let Resolution { operation_no, outcome, pg_transaction_id } = resolution;
        let resolved = state.operator.resolve(id, operation_no, outcome, pg_transaction_id, act);
        Ok(success::json(StatusCode::ACCEPTED, &Begun { audit_id: resolved.await? }))
    };
    attend(&random, &request, work).await
}

fn read(fields: &mut Fields<Json>) -> Result<Resolution, Noted> {
    let operation_no = fields.required("operationNo", operation_no);
    let outcome = fields.required("outcome", text(outcome));
    let pg_transaction_id = fields.optional("pgTransactionId", text(transaction_id));
    Ok(Resolution { operation_no: operation_no?, outcome: outcome?, pg_transaction_id: pg_transaction_id? })
}

fn operation_no(value: &Json) -> Result<OperationNo, String> {
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| *number >= 1).map(OperationNo);
    number.ok_or_else(|| "must be the number of an operation, counted from 1".to_owned())
}

fn outcome(name: &str) -> Result<ResolvedOutcome, &'static str> {
    match name {
        "approved" => Ok(ResolvedOutcome::Approved),
        "declined" => Ok(ResolvedOutcome::Declined),
        "failed" => Ok(ResolvedOutcome::Failed),
        _ => Err("must be approved, declined or failed"),
    }
}

fn transaction_id(id: &str) -> Result<String, String> {
    let fits = (1..=LONGEST_TRANSACTION_ID).contains(&id.len());
    if fits && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(id.to_owned())
    } else {
        Err(format!("must have 1 to {LONGEST_TRANSACTION_ID} visible ASCII characters"))
    }
}
