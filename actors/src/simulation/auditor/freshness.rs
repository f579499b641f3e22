//! Refusals, and answers that nothing was committed for, are given by what is durable, not by what a process
//! remembers: another process may have moved the payment.
//!
//! Owns a small model of what the rules accept. It judges only where the payment did not move during the request,
//! because only then is there no doubt which state the answer is about.

use payment_schema::invariant::Invariant::{I4, I6};
use payment_schema::operation::{Operation, OperationKind, Progress};
use payment_schema::payment::Payment;
use payment_schema::problem::ProblemCode;
use payment_schema::status::Status;
use payment_schema::time::Timestamp;

use super::Witness;
use super::answers::shown_state;
use crate::ports::clock::WallClock;
use crate::simulation::history::{Heard, Request, Wish};

impl Witness<'_> {
    /// The payment that a request is about, as it is durable now.
    pub(in crate::simulation) fn durable(&self, request: &Request) -> Option<Payment> {
        let (Wish::Capture(id, _) | Wish::Refund(id, _) | Wish::Cancel(id, _)) = &request.wish else {
            return None;
        };
        self.world.store.inspect(|tables| tables.payments.get(id).cloned())
    }

    /// Holds what was heard against what was durable when the request was made.
    pub(in crate::simulation) fn judged_by_what_is_durable(
        &self,
        request: &Request,
        before: Option<&Payment>,
        heard: &Heard,
    ) {
        let Some(before) = before else {
            return;
        };
        match heard {
            Heard::Answer(outcome) if request.key.is_none() => {
                let shown = shown_state(&outcome.answer).map_or(0, |(version, _)| version);
                if shown < before.version.0 {
                    let what = format!("showed version {shown} when {} was durable", before.version.0);
                    self.report(I4, before.id, format!("{} {what}", request.wish.as_str()));
                }
            }
            Heard::Refusal(refusal) => {
                let unmoved = self.durable(request).is_some_and(|after| after == *before);
                let conflict = matches!(
                    refusal.rejection.code,
                    ProblemCode::CaptureConflict | ProblemCode::RefundConflict | ProblemCode::CancelConflict
                );
                if unmoved && conflict && !self.is_taken(request) && self.is_acceptable(before, &request.wish)
                {
                    let (wish, code) = (request.wish.as_str(), refusal.rejection.code.as_str());
                    let what = format!("{wish} was refused with {code} in {}", before.status);
                    self.report(I6, before.id, what);
                }
            }
            Heard::Answer(_) | Heard::Nothing => {}
        }
    }

    /// A command whose key is taken may have come to nothing since, as a cancel does that an operator gave up.
    fn is_taken(&self, request: &Request) -> bool {
        let place = request.key.clone().map(|key| (request.merchant_id.clone(), key));
        place.is_some_and(|place| self.world.store.inspect(|tables| tables.keys.contains_key(&place)))
    }

    /// Whether the state allows the wish (its amount is another question).
    fn is_acceptable(&self, payment: &Payment, wish: &Wish) -> bool {
        match wish {
            Wish::Authorize(_) => true,
            Wish::Capture(_, command) => {
                let standing = payment.operations.iter().find(|operation| is_standing_capture(operation));
                match standing {
                    Some(capture) => capture.amount == command.amount.unwrap_or(payment.amount),
                    None => {
                        let now = Timestamp::from(self.world.clock.now());
                        let holds = payment.authorization_expires_at.is_some_and(|end| end > now);
                        payment.status == Status::Authorized && payment.cancel.is_none() && holds
                    }
                }
            }
            Wish::Refund(..) => matches!(payment.status, Status::Captured | Status::PartialRefunded),
            Wish::Cancel(..) => matches!(
                payment.status,
                Status::Ready | Status::Authorized | Status::CaptureFailed | Status::Cancelled
            ),
        }
    }
}

fn is_standing_capture(operation: &Operation) -> bool {
    operation.kind == OperationKind::Capture
        && (operation.is_open() || operation.progress == Progress::Approved)
}
