//! An operator settles an outcome that the PG does not tell, or tells differently.

use crate::cause::{Cause, CauseKind};
use crate::command::{Context, ResolvedOutcome};
use crate::dead_letter::LetterStatus;
use crate::decide::draft::Draft;
use crate::decide::report::{approve, refuse};
use crate::decide::{Verdict, reject};
use crate::ids::OperationNo;
use crate::operation::{OperationKind, PgOutcome, Progress};
use crate::payment::Payment;
use crate::pg::{Approval, Negative};
use crate::problem::{ProblemCode, Rejection};

pub(super) fn decide(
    payment: &Payment,
    no: OperationNo,
    outcome: ResolvedOutcome,
    pg_transaction_id: Option<&str>,
    reason: &str,
    context: &Context<'_>,
) -> Result<Verdict, Rejection> {
    let Some(operation) = payment.operation(no) else {
        let detail = format!("the payment has no operation {no}");
        return Err(reject(payment, ProblemCode::NotFound, detail));
    };
    let is_unsettled = match operation.outcome {
        PgOutcome::Unknown => operation.progress == Progress::Attempting,
        PgOutcome::Mismatch => operation.progress == Progress::DeadLettered,
        PgOutcome::None | PgOutcome::Approved | PgOutcome::Declined | PgOutcome::Failed => false,
    };
    if !is_unsettled {
        let detail = format!("operation {no} has neither an unknown nor a mismatching outcome");
        return Err(reject(payment, ProblemCode::OperationSettled, detail));
    }
    let approves_hold = operation.kind == OperationKind::Authorize && outcome == ResolvedOutcome::Approved;
    if approves_hold && pg_transaction_id.is_none() {
        let detail = "pgTransactionId is needed: without it the hold can never be captured".to_owned();
        return Err(reject(payment, ProblemCode::ValidationFailed, detail));
    }
    let mut draft = Draft::of(payment, context);
    draft.close_letter(no, LetterStatus::Superseded, reason);
    let cause = Cause::new(CauseKind::Operator, reason);
    match outcome {
        ResolvedOutcome::Approved => {
            let approval =
                Approval { transaction_id: pg_transaction_id.map(Into::into), ..Approval::default() };
            approve(&mut draft, no, &approval, cause);
        }
        ResolvedOutcome::Declined => refuse(&mut draft, no, &by_operator(false), cause),
        ResolvedOutcome::Failed => refuse(&mut draft, no, &by_operator(true), cause),
    }
    Ok(draft.commit())
}

fn by_operator(failed: bool) -> Negative {
    Negative { failed, code: "RESOLVED_BY_OPERATOR".into(), message: None, retryable: failed }
}
