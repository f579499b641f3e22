//! One exchange with the PG, and what its breaker hears of it.

use std::sync::Arc;
use std::time::Duration;

use payment_schema::pg::{Finding, PgRequest, Refusal, Source};
use tokio::time::{Instant, timeout};

use super::Exchange;
use crate::breaker::{Gate, Permit};
use crate::ports::Ports;
use crate::ports::meter::Measure;

/// The adapter keeps the limit itself; this margin is for one that does not come back at all.
const MARGIN: Duration = Duration::from_secs(1);

pub(super) async fn run(ports: &Ports, gate: &Arc<Gate>, limit: Duration, exchange: Exchange) {
    let Exchange { request, source, reply } = exchange;
    let begun = Instant::now();
    let finding = match source {
        Source::Answer => send(ports, gate, limit, &request).await,
        Source::Query | Source::Operator => {
            let asked = timeout(limit + MARGIN, ports.gateway.query(&request)).await;
            asked.unwrap_or(Finding::Unknown("the question timed out"))
        }
    };
    let (operation, outcome) = (request.key.kind, outcome(&finding));
    ports.meter.record(Measure::PgRequest { operation, outcome, took: begun.elapsed() });
    tracing::debug!(key = %request.key, outcome, "pg exchange ended");
    reply.send(finding);
}

async fn send(ports: &Ports, gate: &Arc<Gate>, limit: Duration, request: &PgRequest) -> Finding {
    let Some(permit) = gate.permit() else {
        ports.meter.record(Measure::BreakerCall { name: gate.name(), outcome: "not-permitted" });
        return Finding::Unsent(Refusal::NotPermitted);
    };
    let begun = Instant::now();
    let sent = timeout(limit + MARGIN, ports.gateway.send(request)).await;
    let finding = sent.unwrap_or(Finding::Unknown("the request timed out"));
    let slow = begun.elapsed() > limit.mul_f64(0.8);
    judge(ports, permit, gate.name(), &finding, slow);
    finding
}

/// Declines are successes of the PG; what is unknown, refused or slow is not; 429 says nothing.
fn judge(ports: &Ports, permit: Permit, name: &'static str, finding: &Finding, slow: bool) {
    let answered = match finding {
        Finding::Approved(_)
        | Finding::Negative(_)
        | Finding::Mismatch
        | Finding::Processing
        | Finding::NotSeen => true,
        Finding::Unknown(_) | Finding::Unsent(Refusal::Connection) => false,
        Finding::Unsent(Refusal::RateLimited | Refusal::NotPermitted) => return,
    };
    let outcome = match (answered, slow) {
        (true, false) => "success",
        (true, true) => "slow-success",
        (false, false) => "failure",
        (false, true) => "slow-failure",
    };
    ports.meter.record(Measure::BreakerCall { name, outcome });
    if answered && !slow { permit.success() } else { permit.failure() }
}

fn outcome(finding: &Finding) -> &'static str {
    match finding {
        Finding::Approved(_) => "approved",
        Finding::Negative(negative) if negative.failed => "failed",
        Finding::Negative(_) => "declined",
        Finding::Mismatch => "mismatch",
        Finding::Processing => "processing",
        Finding::NotSeen => "not-seen",
        Finding::Unsent(_) => "unsent",
        Finding::Unknown(_) => "unknown",
    }
}
