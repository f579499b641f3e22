//! Judges at the moment something is heard: whatever a client is told must be durable already.

use payment_schema::ids::Version;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::invariant::Invariant::{I4, I6, I9, I12};
use payment_schema::payment::Payment;
use payment_schema::problem::ProblemCode;
use payment_schema::status::Status;
use payment_schema::transition::Transition;

use super::answers::{is_stored, shown_state};
use super::steps;
use crate::api::{Outcome, Refusal};
use crate::simulation::history::{Heard, Request, Wish};
use crate::simulation::world::World;

/// A witness of what clients hear.
pub(in crate::simulation) struct Witness<'a> {
    pub(super) world: &'a World,
}

impl<'a> Witness<'a> {
    pub(in crate::simulation) fn new(world: &'a World) -> Self {
        Self { world }
    }

    /// A client heard something about its request.
    pub(in crate::simulation) fn heard(&self, request: &Request, heard: &Heard) {
        let key = request.key.as_ref().map_or("-", |key| key.as_str());
        let wish = request.wish.as_str();
        match heard {
            Heard::Answer(outcome) => {
                let (id, answer) = (outcome.payment_id, &outcome.answer);
                let state = shown_state(answer);
                self.world.environment.note(format_args!(
                    "{wish} {key} answered {} {id} {state:?} replayed {}",
                    answer.status, outcome.replayed
                ));
                self.answered(request, outcome);
            }
            Heard::Refusal(refusal) => {
                let code = refusal.rejection.code;
                self.world.environment.note(format_args!("{wish} {key} refused {}", code.as_str()));
                self.refused(request, refusal);
            }
            Heard::Nothing => self.world.environment.note(format_args!("{wish} {key} unheard")),
        }
    }

    fn answered(&self, request: &Request, outcome: &Outcome) {
        let (id, answer) = (outcome.payment_id, &outcome.answer);
        let problem = self.world.store.inspect(|tables| {
            let Some(payment) = tables.payments.get(&id) else {
                return Some("its payment is not durable".to_owned());
            };
            if payment.merchant_id != request.merchant_id {
                return Some("its payment is another merchant's".to_owned());
            }
            let durable = match shown_state(answer) {
                Some((version, status)) => {
                    steps(tables, id).any(|step| step.version.0 == version && step.to.as_str() == status)
                }
                None => answer.status >= 400,
            };
            let ended = match answer.status {
                402 => payment.status == Status::AuthFailed,
                409 => payment.status == Status::Cancelled,
                _ => true,
            };
            (!durable || !ended).then(|| "what it shows is not durable".to_owned())
        });
        if let Some(problem) = problem {
            self.report(
                I4,
                id,
                format!("{} was answered {}, but {problem}", request.wish.as_str(), answer.status),
            );
        }
        if is_stored(request, answer) {
            self.stored(request, outcome);
        }
        self.shape(request, outcome);
    }

    /// A keyed answer is durable under its key before anybody hears it.
    fn stored(&self, request: &Request, outcome: &Outcome) {
        let Some(key) = &request.key else {
            return;
        };
        let place = (request.merchant_id.clone(), key.clone());
        let durable = self.world.store.inspect(|tables| {
            tables.keys.get(&place).and_then(|record| record.answer.clone()) == Some(outcome.answer.clone())
        });
        if !durable {
            let what = format!("key {key} was answered {} before that was stored", outcome.answer.status);
            self.report(I9, outcome.payment_id, what);
        }
    }

    /// Each wish has its answers.
    fn shape(&self, request: &Request, outcome: &Outcome) {
        let status = outcome.answer.status;
        let right = match request.wish {
            Wish::Authorize(_) => matches!(status, 200 | 202 | 402 | 409),
            Wish::Cancel(..) => matches!(status, 200 | 202),
            Wish::Capture(..) | Wish::Refund(..) => status == 200,
        };
        let shown = shown_state(&outcome.answer).map(|(_, state)| state);
        let cancelled = !matches!(request.wish, Wish::Cancel(..))
            || status != 200
            || shown.as_deref() == Some(Status::Cancelled.as_str());
        if !right || !cancelled {
            let what = format!("{} was answered {status} in state {shown:?}", request.wish.as_str());
            self.report(I6, outcome.payment_id, what);
        }
    }

    fn refused(&self, request: &Request, refusal: &Refusal) {
        let code = refusal.rejection.code;
        let transient = matches!(
            code,
            ProblemCode::RateLimitExceeded
                | ProblemCode::StoreUnavailable
                | ProblemCode::Overloaded
                | ProblemCode::RequestInProgress
        );
        let final_ones: &[ProblemCode] = match request.wish {
            Wish::Authorize(_) => &[ProblemCode::IdempotencyKeyReused, ProblemCode::PgUnavailable],
            Wish::Capture(..) => &[
                ProblemCode::IdempotencyKeyReused,
                ProblemCode::CaptureConflict,
                ProblemCode::AmountExceedsAuthorized,
            ],
            Wish::Refund(..) => &[
                ProblemCode::IdempotencyKeyReused,
                ProblemCode::RefundConflict,
                ProblemCode::AmountExceedsRefundable,
            ],
            Wish::Cancel(..) => &[ProblemCode::IdempotencyKeyReused, ProblemCode::CancelConflict],
        };
        if !transient && !final_ones.contains(&code) {
            let what = format!("{} was refused with {}", request.wish.as_str(), code.as_str());
            self.world.environment.violation(I6, refusal.rejection.payment_id, what);
        }
    }

    /// A client read a payment.
    pub(in crate::simulation) fn read(&self, merchant_id: &MerchantId, payment: &Payment) {
        if payment.merchant_id != *merchant_id {
            self.report(I12, payment.id, format!("{merchant_id} read it"));
        }
        let durable = self.world.store.inspect(|tables| {
            steps(tables, payment.id).any(|step| step.version == payment.version && step.to == payment.status)
        });
        if !durable {
            self.report(I4, payment.id, "what was read is not durable".to_owned());
        }
    }

    /// A read is never older than what was durable when it was asked for.
    pub(in crate::simulation) fn not_older(&self, payment: &Payment, before: Version) {
        if payment.version < before {
            let what = format!("version {} was read after {} was durable", payment.version.0, before.0);
            self.report(I4, payment.id, what);
        }
    }

    /// A client read a history.
    pub(in crate::simulation) fn history(&self, id: PaymentId, history: &[Transition]) {
        let gapless = (1..).zip(history).all(|(number, step)| step.version.0 == number);
        if history.is_empty() || !gapless {
            self.report(I6, id, "a history was read with gaps".to_owned());
        }
    }

    /// A client's read was refused.
    pub(in crate::simulation) fn refused_read(&self, id: PaymentId, refusal: &Refusal) {
        if refusal.rejection.code == ProblemCode::NotFound {
            self.report(I4, id, "a payment that was named to its merchant is not found".to_owned());
        }
    }

    /// A merchant read or moved another's payment.
    pub(in crate::simulation) fn foreign_access(&self, id: PaymentId) {
        self.report(I12, id, "another merchant had access to it".to_owned());
    }

    pub(super) fn report(
        &self,
        invariant: payment_schema::invariant::Invariant,
        id: PaymentId,
        what: String,
    ) {
        self.world.environment.violation(invariant, Some(id), what);
    }
}
