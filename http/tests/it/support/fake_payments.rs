//! A payments API that remembers what it was asked and answers what it was told.

use std::collections::VecDeque;

use async_trait::async_trait;
use parking_lot::Mutex;
use payment_actors::api::{Caller, Outcome, PaymentsApi, Refusal};
use payment_actors::ports::payment_store::PaymentFilter;
use payment_schema::cause::{Cause, CauseKind};
use payment_schema::command::{Authorize, Cancel, Capture, Refund};
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId, TraceId, Version};
use payment_schema::ledger::LedgerEntry;
use payment_schema::payment::Payment;
use payment_schema::problem::{ProblemCode, Rejection};
use payment_schema::representation::{AnswerKind, render};
use payment_schema::status::Status;
use payment_schema::transition::Transition;

use super::samples;

/// A call that reached the engine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    Authorize(Authorize),
    Capture(PaymentId, Capture),
    Refund(PaymentId, Refund),
    Cancel(PaymentId, Cancel),
    Payment(MerchantId, PaymentId),
    History(MerchantId, PaymentId),
    List(PaymentFilter),
}

/// What the engine does with the next command.
pub(crate) enum Next {
    Answer(Result<Outcome, Refusal>),
    Panic,
    /// Never answers.
    Hang,
}

#[derive(Default)]
pub(crate) struct FakePayments {
    calls: Mutex<Vec<Call>>,
    callers: Mutex<Vec<Caller>>,
    next: Mutex<VecDeque<Next>>,
    /// Ids that lists are made of, highest first.
    pub(crate) listed: Mutex<Vec<u64>>,
    pub(crate) unready: Mutex<Vec<String>>,
}

impl FakePayments {
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().clone()
    }

    pub(crate) fn callers(&self) -> Vec<Caller> {
        self.callers.lock().clone()
    }

    pub(crate) fn will(&self, next: Next) {
        self.next.lock().push_back(next);
    }

    pub(crate) fn will_refuse(&self, code: ProblemCode, detail: &str) {
        let rejection = Rejection { code, detail: detail.to_owned(), payment_id: Some(samples::id(1024)) };
        self.will(Next::Answer(Err(rejection.into())));
    }

    fn note(&self, call: Call) {
        self.calls.lock().push(call);
    }

    async fn command(&self, caller: Caller, call: Call, kind: AnswerKind) -> Result<Outcome, Refusal> {
        self.note(call);
        self.callers.lock().push(caller);
        let next = self.next.lock().pop_front();
        match next {
            Some(Next::Answer(answer)) => answer,
            Some(Next::Panic) => panic!("told to panic"),
            Some(Next::Hang) => std::future::pending().await,
            None => Ok(outcome(kind)),
        }
    }
}

/// An answer of this kind about a sample payment.
pub(crate) fn outcome(kind: AnswerKind) -> Outcome {
    let payment = samples::authorized(1024);
    Outcome { answer: render(kind, &payment, Vec::new()), payment_id: payment.id, replayed: false }
}

#[async_trait]
impl PaymentsApi for FakePayments {
    async fn authorize(&self, caller: Caller, command: Authorize) -> Result<Outcome, Refusal> {
        self.command(caller, Call::Authorize(command), AnswerKind::Authorized).await
    }

    async fn capture(&self, caller: Caller, id: PaymentId, command: Capture) -> Result<Outcome, Refusal> {
        self.command(caller, Call::Capture(id, command), AnswerKind::Capture).await
    }

    async fn refund(&self, caller: Caller, id: PaymentId, command: Refund) -> Result<Outcome, Refusal> {
        self.command(caller, Call::Refund(id, command), AnswerKind::Refund(OperationNo(3))).await
    }

    async fn cancel(&self, caller: Caller, id: PaymentId, command: Cancel) -> Result<Outcome, Refusal> {
        self.command(caller, Call::Cancel(id, command), AnswerKind::Cancelled).await
    }

    async fn payment(
        &self,
        merchant_id: &MerchantId,
        id: PaymentId,
    ) -> Result<(Payment, Vec<LedgerEntry>), Refusal> {
        self.note(Call::Payment(merchant_id.clone(), id));
        if *merchant_id == samples::merchant() {
            return Ok(samples::part_refunded(id.get()));
        }
        let detail = "there is no such payment".to_owned();
        Err(Rejection { code: ProblemCode::NotFound, detail, payment_id: None }.into())
    }

    async fn history(&self, merchant_id: &MerchantId, id: PaymentId) -> Result<Vec<Transition>, Refusal> {
        self.note(Call::History(merchant_id.clone(), id));
        let step = |version, from, to| Transition {
            version: Version(version),
            from,
            to,
            cause: Cause::new(CauseKind::Api, "authorize"),
            at: samples::authorized(1024).created_at,
            trace_id: TraceId::new(7),
            operation_no: OperationNo(1),
            attempt: Attempt(1),
        };
        Ok(vec![step(1, None, Status::Ready), step(2, Some(Status::Ready), Status::Authorized)])
    }

    async fn list(&self, filter: PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, Refusal> {
        self.note(Call::List(filter.clone()));
        let listed = self.listed.lock().clone();
        let below = filter.below.map_or(u64::MAX, PaymentId::get);
        let page = listed.into_iter().filter(|id| *id < below).take(filter.limit as usize);
        Ok(page.map(|id| (samples::authorized(id), Vec::new())).collect())
    }

    async fn not_ready(&self) -> Vec<String> {
        self.unready.lock().clone()
    }
}
