//! Totals of settlement and refund.
//!
//! Owns the success rate: approved operations in percent of those that came to an end or need an operator.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use payment_actors::api::OperatorApi;
use payment_actors::ports::operator_store::OperationTotals;
use payment_actors::ports::random::Random;
use payment_schema::operation::OperationKind;
use payment_schema::status::Status;
use payment_schema::topic::Topic;
use serde::Serialize;

use super::OperatorState;
use crate::exchange::Exchange;
use crate::problem::Problem;
use crate::routes::attend;
use crate::success;

/// Totals of one kind of operation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    total: u64,
    approved: u64,
    open: u64,
    dead_lettered: u64,
    given_up: u64,
    delayed: u64,
    /// In percent, to two decimals; null before the first operation has ended.
    success_rate: Option<f64>,
}

impl From<OperationTotals> for Totals {
    fn from(totals: OperationTotals) -> Self {
        Self {
            total: totals.total,
            approved: totals.approved,
            open: totals.open,
            dead_lettered: totals.dead_lettered,
            given_up: totals.given_up,
            delayed: totals.delayed,
            success_rate: success_rate(&totals),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage with two decimals needs no more")]
fn success_rate(totals: &OperationTotals) -> Option<f64> {
    let ended = totals.approved + totals.given_up + totals.dead_lettered;
    let rate = || (totals.approved as f64 / ended as f64 * 10_000.0).round() / 100.0;
    (ended > 0).then(rate)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Settlement {
    #[serde(flatten)]
    captures: Totals,
    /// Open letters in `settlement.dlq`.
    dead_letters: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refunds {
    #[serde(flatten)]
    refunds: Totals,
    /// Voids are worked on by the same service.
    voids: Totals,
    /// Open letters in `refund.dlq`.
    dead_letters: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    payments: u64,
    by_status: BTreeMap<&'static str, u64>,
    settlement: Settlement,
    refund: Refunds,
    /// Open letters of every topic.
    dead_letters: BTreeMap<&'static str, u64>,
    /// Delayed operations of every kind.
    delayed: u64,
}

async fn totals(operator: &dyn OperatorApi, kind: OperationKind) -> Result<Totals, Problem> {
    Ok(operator.totals(kind).await?.into())
}

async fn open_letters(operator: &dyn OperatorApi) -> Result<BTreeMap<&'static str, u64>, Problem> {
    let mut open: BTreeMap<_, _> = Topic::ALL
        .into_iter()
        .filter(|topic| topic.is_dead_letter())
        .map(|topic| (topic.as_str(), 0))
        .collect();
    open.extend(
        operator.open_dead_letters().await?.into_iter().map(|(topic, count)| (topic.as_str(), count)),
    );
    Ok(open)
}

async fn read_settlement(operator: &dyn OperatorApi) -> Result<Settlement, Problem> {
    let captures = totals(operator, OperationKind::Capture).await?;
    let dead_letters = open_letters(operator).await?[Topic::SettlementDlq.as_str()];
    Ok(Settlement { captures, dead_letters })
}

async fn read_refunds(operator: &dyn OperatorApi) -> Result<Refunds, Problem> {
    let refunds = totals(operator, OperationKind::Refund).await?;
    let voids = totals(operator, OperationKind::Void).await?;
    let dead_letters = open_letters(operator).await?[Topic::RefundDlq.as_str()];
    Ok(Refunds { refunds, voids, dead_letters })
}

async fn read_overview(operator: &dyn OperatorApi) -> Result<Overview, Problem> {
    let counts = operator.status_counts().await?;
    let by_status: BTreeMap<_, _> =
        Status::ALL.iter().map(|status| status.as_str()).zip(counts.iter().copied()).collect();
    let (settlement, refund) = (read_settlement(operator).await?, read_refunds(operator).await?);
    Ok(Overview {
        payments: counts.iter().sum(),
        by_status,
        dead_letters: open_letters(operator).await?,
        delayed: settlement.captures.delayed + refund.refunds.delayed + refund.voids.delayed,
        settlement,
        refund,
    })
}

/// Captures.
pub(super) async fn settlement(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work =
        async |_: &Exchange| Ok(success::json(StatusCode::OK, &read_settlement(&*state.operator).await?));
    attend(&random, &request, work).await
}

/// Refunds and voids.
pub(super) async fn refund(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work = async |_: &Exchange| Ok(success::json(StatusCode::OK, &read_refunds(&*state.operator).await?));
    attend(&random, &request, work).await
}

/// All of it, and payments by state.
pub(super) async fn overview(
    state: web::Data<OperatorState>,
    random: web::Data<dyn Random>,
    request: HttpRequest,
) -> HttpResponse {
    let work =
        async |_: &Exchange| Ok(success::json(StatusCode::OK, &read_overview(&*state.operator).await?));
    attend(&random, &request, work).await
}
