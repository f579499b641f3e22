//! Bringing open operations forward: effects, timers, the ends of exchanges, and waking up.

use payment_schema::command::Command;
use payment_schema::decide::resume;
use payment_schema::effect::Effect;
use payment_schema::ids::OperationNo;
use payment_schema::payment::Payment;
use payment_schema::pg::{Finding, PgRequest, Refusal, Report, Source};

use super::work::PaymentWork;
use super::{ExchangeEnd, LOOK_AGAIN, Memory, PaymentActor, PaymentMessage, READ_AGAIN, StepDue};
use crate::payments::exchanges::{Plan, Step};
use crate::pg_worker::{Exchange, PgWorkerMessage};
use crate::supervision::{AskError, Ctx};

impl PaymentActor {
    /// Does what a decision asks for after its commit.
    pub(super) fn run(&mut self, effects: Vec<Effect>, ctx: &mut Ctx<Self>) {
        for effect in effects {
            if self.is_elsewhere(operation_of(effect)) {
                continue;
            }
            let now = self.now();
            match self.exchanges.plan(effect, &self.deps.rules, now) {
                Plan::Nothing => {}
                Plan::Now(no, Step::Send) => self.exchange(no, Source::Answer, ctx),
                Plan::Now(no, Step::Query | Step::Retry) => self.exchange(no, Source::Query, ctx),
                Plan::After(no, step, delay) => {
                    let timer = ctx.after(delay, PaymentMessage::Due(no, StepDue(step)));
                    if let Some(earlier) = self.exchanges.timed(no, timer) {
                        ctx.cancel(earlier);
                    }
                }
            }
        }
    }

    /// Whether another process makes the PG calls of an operation; its due moment tells that one.
    fn is_elsewhere(&self, no: OperationNo) -> bool {
        let payment = self.held();
        let operation = payment.as_deref().and_then(|payment| payment.operation(no));
        operation.is_some_and(|operation| self.deps.workers.of(operation.kind).is_none())
    }

    /// Begins an exchange about an operation's current attempt, which is committed.
    fn exchange(&mut self, no: OperationNo, source: Source, ctx: &mut Ctx<Self>) {
        let Some(payment) = self.held() else { return };
        let Some(kind) = Self::is_attempting(&payment, no) else { return };
        let Some(operation) = payment.operation(no) else { return };
        let Some(worker) = self.deps.workers.of(kind) else { return };
        if let Some(timer) = self.exchanges.begin(no) {
            ctx.cancel(timer);
        }
        let attempt = operation.attempt;
        let request = PgRequest::of(&payment, operation);
        let asked = worker.ask(|reply| {
            let exchange = Exchange { request, source, reply };
            PgWorkerMessage::Exchange(Box::new(exchange))
        });
        ctx.spawn(async move {
            PaymentMessage::ExchangeEnded(ExchangeEnd { no, attempt, source, result: asked.await })
        });
    }

    pub(super) async fn exchange_ended(&mut self, end: ExchangeEnd, ctx: &mut Ctx<Self>) {
        let ExchangeEnd { no, attempt, source, result } = end;
        self.exchanges.end(no);
        let finding = result.unwrap_or_else(|error| match error {
            AskError::OutcomeUnknown => Finding::Unknown("the worker ended during the call"),
            AskError::Overloaded | AskError::Stopped | AskError::Paused | AskError::NotDelivered => {
                Finding::Unsent(Refusal::NotPermitted)
            }
        });
        let report = Report { source, finding };
        self.work(PaymentWork::own(Command::PgReport { operation_no: no, attempt, report }), ctx).await;
        // The report may have told nothing new, because an earlier incarnation's commit or another process was
        // faster; then nobody has told those who wait here.
        if let Some(payment) = self.held() {
            self.answer_waiters(&payment, &[]).await;
        }
    }

    pub(super) async fn due(&mut self, no: OperationNo, step: Step, ctx: &mut Ctx<Self>) {
        self.exchanges.fired(no);
        // Another process may have moved the payment while the timer ran; the PG would be asked for ever otherwise.
        self.memory = Memory::Unread;
        let Ok(payment) = self.read().await else {
            let again = ctx.after(READ_AGAIN, PaymentMessage::Due(no, StepDue(step)));
            self.exchanges.timed(no, again);
            return;
        };
        if let Some(payment) = payment {
            self.answer_waiters(&payment, &[]).await;
        }
        match step {
            Step::Send => self.run(vec![Effect::Send(no)], ctx),
            Step::Query => self.run(vec![Effect::Query(no)], ctx),
            Step::Retry => {
                self.exchanges.reset_backoff(no);
                self.work(PaymentWork::own(Command::RetryDue { operation_no: no }), ctx).await;
            }
        }
    }

    /// Looks after whatever is open and untended.
    pub(super) async fn wake(&mut self, ctx: &mut Ctx<Self>) {
        self.memory = Memory::Unread;
        match self.read().await {
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(cause) => {
                tracing::warn!(payment_id = %self.id, %cause, "payment not readable, looking again later");
                ctx.after(READ_AGAIN, PaymentMessage::Wake);
                return;
            }
        }
        self.work(PaymentWork::own(Command::CheckAge), ctx).await;
        let Some(payment) = self.held() else { return };
        self.answer_waiters(&payment, &[]).await;
        self.tend(&payment, ctx);
    }

    /// Somebody waits for a payment whose actor was started for them: the one before it may have died with its
    /// shard. A process that is alone takes its work up now; with others about, one of them may be at it, and the
    /// lease tells.
    pub(super) fn tend_for_waiters(&mut self, ctx: &mut Ctx<Self>) {
        if !self.deps.alone || self.waiters.is_empty() {
            return;
        }
        if let Some(payment) = self.held() {
            self.tend(&payment, ctx);
        }
    }

    /// Callers wait for something that another process does: nobody tells this one when it is done.
    pub(super) fn watch_the_store_for_waiters(&mut self, ctx: &mut Ctx<Self>) {
        if !self.deps.alone && !self.waiters.is_empty() && self.exchanges.is_idle() && !self.look_set {
            self.look_set = true;
            ctx.after(LOOK_AGAIN, PaymentMessage::Look);
        }
    }

    pub(super) async fn look(&mut self) {
        self.look_set = false;
        self.memory = Memory::Unread;
        if let Ok(Some(payment)) = self.read().await {
            self.answer_waiters(&payment, &[]).await;
        }
    }

    fn tend(&mut self, payment: &Payment, ctx: &mut Ctx<Self>) {
        let untended: Vec<Effect> = resume(payment)
            .into_iter()
            .filter(|effect| !self.exchanges.is_tended(operation_of(*effect)))
            .collect();
        self.run(untended, ctx);
    }
}

fn operation_of(effect: Effect) -> OperationNo {
    match effect {
        Effect::Send(no)
        | Effect::SendLater(no)
        | Effect::Query(no)
        | Effect::QueryLater(no)
        | Effect::RetryAt(no, _) => no,
    }
}
