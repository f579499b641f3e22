//! Commands to a payment: decide, append, answer; again when the fence says that somebody else was faster.

use std::sync::Arc;

use payment_schema::command::Command;
use payment_schema::dead_letter::LetterChange;
use payment_schema::decide::{Decision, Reply as Told, Verdict, decide};
use payment_schema::effect::Effect;
use payment_schema::ids::{MerchantId, TraceId};
use payment_schema::operation::{OperationKind, Progress};
use payment_schema::payment::Payment;
use payment_schema::problem::{ProblemCode, Rejection};
use payment_schema::representation::{Answer, AnswerKind};
use payment_schema::text::IdempotencyKey;

use super::accept::authorization_fingerprint;
use super::waiting::Waiter;
use super::{Memory, PaymentActor};
use crate::api::{Outcome, Refusal};
use crate::journal::AppendFailure;
use crate::payments::CommandEnd;
use crate::payments::commit::{answer, only_key, prepare};
use crate::payments::shard::store_unavailable;
use crate::ports::admission::CachedAnswer;
use crate::ports::journal_store::{AppendOutcome, AuditEntry, KeyClaim};
use crate::ports::meter::Measure;
use crate::supervision::{Ctx, Reply};

/// A command and everything around it.
pub struct PaymentWork {
    /// Whose payment the caller thinks it is; `None` for operators and the engine itself.
    pub merchant_id: Option<MerchantId>,
    /// The command.
    pub command: Command,
    /// The key it takes.
    pub claim: Option<KeyClaim>,
    /// Its trace; `None` continues the payment's latest.
    pub trace_id: Option<TraceId>,
    /// The operator's act it is.
    pub audit: Option<AuditEntry>,
    /// Who waits; nobody for the engine's own commands.
    pub reply: Option<Reply<CommandEnd>>,
}

impl PaymentWork {
    /// A command of the engine itself.
    pub(super) fn own(command: Command) -> Self {
        Self { merchant_id: None, command, claim: None, trace_id: None, audit: None, reply: None }
    }

    pub(super) fn label(&self) -> &'static str {
        match self.command {
            Command::Capture(_) => "capture",
            Command::Refund(_) => "refund",
            Command::Cancel(_) => "cancel",
            Command::PgReport { .. } => "pg-report",
            Command::RetryDue { .. } => "retry-due",
            Command::CheckAge => "check-age",
            Command::ReplayLetter { .. } => "replay-letter",
            Command::DiscardLetter { .. } => "discard-letter",
            Command::Resolve { .. } => "resolve",
        }
    }
}

/// How often a command is decided again after somebody else moved the payment.
const MOST_DECISIONS: u32 = 5;

/// What one round of deciding came to.
enum Round {
    /// The caller hears this.
    End(CommandEnd),
    /// The caller waits for the end of the cancel.
    WaitForCancel,
    /// Decide again on what the store holds now.
    Again,
}

impl PaymentActor {
    pub(super) async fn work(&mut self, work: PaymentWork, ctx: &mut Ctx<Self>) {
        if let Some(trace_id) = work.trace_id {
            self.trace_id = trace_id;
        }
        let mut round = Round::Again;
        self.memory_is_fresh = false;
        for _ in 0..MOST_DECISIONS {
            round = self.round(&work, ctx).await;
            if !matches!(round, Round::Again) {
                break;
            }
        }
        let Some(reply) = work.reply else { return };
        match round {
            Round::End(end) => reply.send(end),
            Round::Again => reply.send(CommandEnd::Refused(store_unavailable())),
            Round::WaitForCancel => {
                let key = work.claim.map(|claim| claim.key);
                self.waiters.push(Waiter::for_cancel(key, reply));
                // The cancel may have ended while it was committed (another node's, say).
                if let Some(payment) = self.held() {
                    self.answer_waiters(&payment, &[]).await;
                }
            }
        }
    }

    async fn round(&mut self, work: &PaymentWork, ctx: &mut Ctx<Self>) -> Round {
        let payment = match self.read().await {
            Ok(payment) => payment,
            Err(cause) => return self.unreadable(work, &cause, ctx),
        };
        let belongs =
            |payment: &Arc<Payment>| work.merchant_id.as_ref().is_none_or(|id| *id == payment.merchant_id);
        let Some(payment) = payment.filter(belongs) else {
            return self.unless_key_taken(work, None, not_found(self.id)).await;
        };
        let key = work.claim.as_ref().map(|claim| &claim.key);
        let verdict = decide(&payment, &work.command, &self.context(key));
        // Only the version fence tells that the payment was moved by another process, or by an append that a dead
        // incarnation left under way; and only an append meets the fence. Whatever is decided without one must be
        // decided on what the store holds now.
        if !matches!(verdict, Ok(Verdict::Commit(_))) && !self.memory_is_fresh {
            self.memory = Memory::Unread;
            return Round::Again;
        }
        match verdict {
            Err(rejection) => self.unless_key_taken(work, Some(&payment), rejection).await,
            Ok(Verdict::Unchanged(effects)) => {
                self.run(effects, ctx);
                Round::End(CommandEnd::Acted { changed: false })
            }
            Ok(Verdict::Repeat(told)) => self.repeat(work, &payment, told, ctx).await,
            Ok(Verdict::Commit(decision)) => self.commit(work, &payment, *decision, ctx).await,
        }
    }

    /// The store does not answer. A PG report must not get lost: the PG is asked again later.
    fn unreadable(
        &mut self,
        work: &PaymentWork,
        cause: &crate::ports::StoreError,
        ctx: &mut Ctx<Self>,
    ) -> Round {
        tracing::warn!(payment_id = %self.id, command = work.label(), %cause, "payment not readable");
        self.ask_again_later(work, ctx);
        Round::End(CommandEnd::Refused(store_unavailable()))
    }

    fn ask_again_later(&mut self, work: &PaymentWork, ctx: &mut Ctx<Self>) {
        if let Command::PgReport { operation_no, .. } | Command::RetryDue { operation_no } = work.command {
            self.run(vec![Effect::QueryLater(operation_no)], ctx);
        }
    }

    /// A refusal stands only if the command's key is free: a key says more than a state.
    async fn unless_key_taken(
        &self,
        work: &PaymentWork,
        payment: Option<&Payment>,
        rejection: Rejection,
    ) -> Round {
        let merchant_id = work.merchant_id.as_ref().or(payment.map(|payment| &payment.merchant_id));
        if let (Some(claim), Some(merchant_id)) = (&work.claim, merchant_id) {
            match self.deps.ports.store.key(merchant_id, &claim.key).await {
                Ok(Some(record)) => return Round::End(CommandEnd::KeyTaken(record)),
                Ok(None) => {}
                Err(_) => return Round::End(CommandEnd::Refused(store_unavailable())),
            }
        }
        Round::End(CommandEnd::Refused(rejection.into()))
    }

    /// The command says what was accepted before: the caller hears the present state. Its key, if it has one, is
    /// taken all the same, so that it means this command from now on.
    async fn repeat(
        &mut self,
        work: &PaymentWork,
        payment: &Arc<Payment>,
        told: Told,
        ctx: &mut Ctx<Self>,
    ) -> Round {
        let kind = match told {
            Told::Now(kind) => kind,
            Told::WhenCancelEnds => return Round::WaitForCancel,
            Told::WhenAuthorizationEnds | Told::Nothing => {
                return Round::End(CommandEnd::Acted { changed: false });
            }
        };
        let Ok(answer) = answer(&self.deps.ports, kind, payment).await else {
            return Round::End(CommandEnd::Refused(store_unavailable()));
        };
        // A refund told apart only by its looks is announced as a repeat, so that an intended twin is noticed.
        let replayed = matches!(kind, AnswerKind::Refund(_));
        let outcome = Outcome { answer: answer.clone(), payment_id: self.id, replayed };
        let Some(claim) = work.claim.clone() else {
            return Round::End(CommandEnd::Answered(outcome));
        };
        let append =
            only_key(&self.deps.ports, |kind| self.deps.lease(kind), payment, claim, answer, self.now());
        match self.append(append, ctx).await {
            Ok(AppendOutcome::Committed) => Round::End(CommandEnd::Answered(outcome)),
            Ok(AppendOutcome::KeyTaken(record)) => Round::End(CommandEnd::KeyTaken(record)),
            Ok(AppendOutcome::VersionConflict) => Round::Again,
            Err(AppendFailure::Unavailable | AppendFailure::OutcomeUnknown) => {
                Round::End(CommandEnd::Refused(store_unavailable()))
            }
        }
    }

    async fn commit(
        &mut self,
        work: &PaymentWork,
        before: &Arc<Payment>,
        decision: Decision,
        ctx: &mut Ctx<Self>,
    ) -> Round {
        let ports = self.deps.ports.clone();
        let (claim, audit) = (work.claim.clone(), work.audit.clone());
        let prepared = prepare(
            &ports,
            |kind| self.deps.lease(kind),
            Some(before),
            &decision,
            claim,
            audit,
            self.trace_id,
        )
        .await;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(cause) => return self.unreadable(work, &cause, ctx),
        };
        match self.append(prepared.append, ctx).await {
            Ok(AppendOutcome::Committed) => {
                let told = decision.reply;
                let answers = prepared.answers;
                let mine = work.claim.as_ref().and_then(|claim| stored(&answers, &claim.key).cloned());
                self.adopt(decision, answers, work.claim.as_ref(), ctx).await;
                self.tell(told, mine).await
            }
            Ok(AppendOutcome::KeyTaken(record)) => Round::End(CommandEnd::KeyTaken(record)),
            Ok(AppendOutcome::VersionConflict) => Round::Again,
            Err(AppendFailure::Unavailable | AppendFailure::OutcomeUnknown) => {
                self.ask_again_later(work, ctx);
                Round::End(CommandEnd::Refused(store_unavailable()))
            }
        }
    }

    async fn tell(&self, told: Told, stored: Option<Answer>) -> Round {
        let kind = match told {
            Told::Now(kind) => kind,
            Told::WhenCancelEnds => return Round::WaitForCancel,
            Told::WhenAuthorizationEnds | Told::Nothing => {
                return Round::End(CommandEnd::Acted { changed: true });
            }
        };
        let payment = self.held().expect("a payment was adopted just now");
        let rendered = match stored {
            Some(answer) => Ok(answer),
            None => answer(&self.deps.ports, kind, &payment).await,
        };
        match rendered {
            Ok(answer) => {
                Round::End(CommandEnd::Answered(Outcome { answer, payment_id: self.id, replayed: false }))
            }
            Err(_) => Round::End(CommandEnd::Refused(store_unavailable())),
        }
    }

    /// A change is durable: remember it, tell those who wait, do what is due.
    pub(super) async fn adopt(
        &mut self,
        decision: Decision,
        answers: Vec<(IdempotencyKey, Answer)>,
        claim: Option<&KeyClaim>,
        ctx: &mut Ctx<Self>,
    ) {
        let before = self.held();
        let payment = Arc::new(decision.payment);
        self.memory = Memory::Held(Arc::clone(&payment));
        self.measure(before.as_deref(), &payment, &decision.letters);
        self.answer_waiters(&payment, &answers).await;
        self.remember(&payment, answers, claim, ctx);
        for timer in
            self.exchanges.keep(|no| payment.operation(no).is_some_and(|operation| operation.is_open()))
        {
            ctx.cancel(timer);
        }
        self.run(decision.effects, ctx);
    }

    fn measure(&self, before: Option<&Payment>, after: &Payment, letters: &[LetterChange]) {
        for letter in letters {
            if let LetterChange::Open(letter) = letter {
                self.deps.ports.meter.record(Measure::DeadLetter(letter.topic));
            }
        }
        let was_open = |no| {
            before.and_then(|payment| payment.operation(no)).is_some_and(|operation| operation.is_open())
        };
        for operation in
            after.operations.iter().filter(|operation| !operation.is_open() && was_open(operation.no))
        {
            let took = after.updated_at.since(operation.requested_at);
            self.deps.ports.meter.record(Measure::Completed { operation: operation.kind, took });
        }
        if before.is_some_and(|before| before.status.is_terminal())
            && before.map(|before| before.status) != Some(after.status)
        {
            self.deps.ports.meter.record(Measure::InvariantBroken(payment_schema::invariant::Invariant::I6));
        }
    }

    /// Answers that were committed go to the fast path of their keys; losing that is harmless.
    fn remember(
        &self,
        payment: &Payment,
        answers: Vec<(IdempotencyKey, Answer)>,
        claim: Option<&KeyClaim>,
        ctx: &mut Ctx<Self>,
    ) {
        for (key, answer) in answers {
            let fingerprint = if key == payment.authorization_key {
                authorization_fingerprint(payment)
            } else {
                match claim {
                    Some(claim) if claim.key == key => claim.fingerprint,
                    Some(_) | None => continue,
                }
            };
            let cached = CachedAnswer { fingerprint, payment_id: payment.id, answer };
            let (admission, merchant_id) =
                (Arc::clone(&self.deps.ports.admission), payment.merchant_id.clone());
            ctx.spawn_detached(async move { admission.remember(&merchant_id, &key, cached).await });
        }
    }

    /// Whether a capture, refund or void of this payment is under way.
    pub(super) fn is_attempting(
        payment: &Payment,
        no: payment_schema::ids::OperationNo,
    ) -> Option<OperationKind> {
        payment
            .operation(no)
            .filter(|operation| operation.progress == Progress::Attempting)
            .map(|operation| operation.kind)
    }
}

fn stored<'a>(answers: &'a [(IdempotencyKey, Answer)], key: &IdempotencyKey) -> Option<&'a Answer> {
    answers.iter().find(|(stored, _)| stored == key).map(|(_, answer)| answer)
}

fn not_found(id: payment_schema::ids::PaymentId) -> Rejection {
    let detail = format!("payment {id} does not exist or belongs to another merchant");
    Rejection { code: ProblemCode::NotFound, detail, payment_id: None }
}

impl From<Rejection> for CommandEnd {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(Refusal::from(rejection))
    }
}
