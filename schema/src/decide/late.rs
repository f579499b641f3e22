//! Reports that came too late: their operation is closed, or their attempt is no longer the current one.
//!
//! They never change a state. One that contradicts how the attempt had ended is stored and dead-lettered, once per
//! attempt, because money may have moved that nobody accounts for.

use crate::command::Context;
use crate::decide::Verdict;
use crate::decide::draft::Draft;
use crate::ids::Attempt;
use crate::operation::{Contradiction, Operation, OperationKind, PgOutcome, Progress};
use crate::payment::Payment;
use crate::pg::Finding;

pub(super) fn decide(
    payment: &Payment,
    operation: &Operation,
    attempt: Attempt,
    finding: &Finding,
    context: &Context<'_>,
) -> Verdict {
    let is_known = operation.contradictions.iter().any(|known| known.attempt == attempt);
    let contradicts = match (finding, end_of(payment, operation, attempt)) {
        (Finding::Approved(_), Some(End::Refused))
        | (Finding::Negative(_), Some(End::Done))
        | (Finding::Mismatch, Some(End::Refused | End::Done)) => !is_known,
        (
            Finding::Approved(_)
            | Finding::Negative(_)
            | Finding::Mismatch
            | Finding::Processing
            | Finding::NotSeen
            | Finding::Unsent(_)
            | Finding::Unknown(_),
            _,
        ) => false,
    };
    if !contradicts {
        return Verdict::Unchanged(Vec::new());
    }
    let mut draft = Draft::of(payment, context);
    let answer = in_words(finding);
    draft.contradict(operation.no, &Contradiction { attempt, answer, acknowledged: false });
    draft.commit()
}

/// How an attempt had ended, as far as the engine knows.
#[derive(Clone, Copy)]
enum End {
    Done,
    Refused,
}

/// `None` when neither an approval nor a negative would be a surprise.
fn end_of(payment: &Payment, operation: &Operation, attempt: Attempt) -> Option<End> {
    if attempt != operation.attempt {
        // The attempt rises only after a negative.
        return (attempt < operation.attempt).then_some(End::Refused);
    }
    match operation.progress {
        Progress::Attempting => None,
        // A void that found no hold: nothing is held whatever the PG says of it.
        Progress::Approved => (operation.outcome == PgOutcome::Approved).then_some(End::Done),
        Progress::DeadLettered => (operation.outcome != PgOutcome::Mismatch).then_some(End::Refused),
        Progress::Waiting(_) | Progress::Declined | Progress::GivenUp => Some(End::Refused),
        Progress::Superseded => (!is_undone(payment, operation)).then_some(End::Refused),
    }
}

/// Whether this is an authorization whose hold a void has found and released: its approval is no surprise then.
fn is_undone(payment: &Payment, operation: &Operation) -> bool {
    let released =
        |other: &Operation| other.kind == OperationKind::Void && other.outcome == PgOutcome::Approved;
    operation.kind == OperationKind::Authorize && payment.operations.iter().any(released)
}

fn in_words(finding: &Finding) -> Box<str> {
    match finding {
        Finding::Approved(approval) => match &approval.transaction_id {
            Some(transaction) => format!("approved as transaction {transaction}").into(),
            None => "approved".into(),
        },
        Finding::Negative(negative) => format!("refused as {}", negative.code).into(),
        Finding::Mismatch => "approved for another amount".into(),
        Finding::Processing | Finding::NotSeen | Finding::Unsent(_) | Finding::Unknown(_) => "open".into(),
    }
}
