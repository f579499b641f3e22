//! The merchants' door.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payment_schema::command::{Authorize, Cancel, Capture, Command, Refund};
use payment_schema::decide::{authorization_answer, cancel_answer};
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::ledger::LedgerEntry;
use payment_schema::payment::Payment;
use payment_schema::problem::{ProblemCode, Rejection};
use payment_schema::representation::{AnswerKind, render};
use payment_schema::text::IdempotencyKey;
use payment_schema::transition::Transition;
use tokio::time::{Instant, timeout_at};

use super::unreadable;
use crate::api::{Caller, Outcome, PaymentsApi, Refusal};
use crate::breaker::Gate;
use crate::journal::Birth;
use crate::payments::{
    CommandEnd, NewAuthorization, PaymentMessage, PaymentWork, ShardHandles, ShardMessage, WaitFor,
};
use crate::ports::Ports;
use crate::ports::admission::{Admission, CachedAnswer, LimitedOperation};
use crate::ports::journal_store::{KeyClaim, KeyRecord};
use crate::ports::meter::Measure;
use crate::ports::payment_store::PaymentFilter;
use crate::supervision::AskError;

/// Puts merchants' requests to the payments.
pub struct PaymentService {
    ports: Ports,
    shards: ShardHandles,
    pg_authorize: Arc<Gate>,
    deadline: Duration,
}

/// How often a request is put again when an actor died under it; every command is safe to repeat.
const MOST_ASKS: u32 = 3;

/// A command on its way, with what recognises its repeats.
struct Request {
    caller: Caller,
    operation: &'static str,
    fingerprint: Fingerprint,
    deadline: Instant,
}

impl Request {
    fn claim(&self) -> Option<KeyClaim> {
        let key = self.caller.key.clone()?;
        Some(KeyClaim { key, fingerprint: self.fingerprint, operation: self.operation })
    }
}

impl PaymentService {
    /// A door to these shards.
    #[must_use]
    pub fn new(ports: Ports, shards: ShardHandles, pg_authorize: Arc<Gate>, deadline: Duration) -> Self {
        Self { ports, shards, pg_authorize, deadline }
    }

    /// Takes a token and looks the key up; the outcome when the key's answer is known.
    async fn admit(&self, request: &Request, limited: LimitedOperation) -> Result<Option<Outcome>, Refusal> {
        let Caller { merchant_id, key, .. } = &request.caller;
        match self.ports.admission.admit(merchant_id, limited, key.as_ref()).await {
            Admission::Limited { retry_after } => {
                let detail = format!("too many {} requests of this merchant; slow down", limited.as_str());
                Err(Refusal::for_now(ProblemCode::RateLimitExceeded, detail, retry_after))
            }
            Admission::Admitted(None) => Ok(None),
            Admission::Admitted(Some(CachedAnswer { fingerprint, payment_id, answer })) => {
                if fingerprint != request.fingerprint {
                    return Err(key_reused(payment_id).into());
                }
                self.ports.meter.record(Measure::IdempotentReplay);
                Ok(Some(Outcome { answer, payment_id, replayed: true }))
            }
        }
    }

    /// A command to an existing payment.
    async fn command(
        &self,
        request: Request,
        id: PaymentId,
        limited: LimitedOperation,
        command: Command,
    ) -> Result<Outcome, Refusal> {
        if let Some(outcome) = self.admit(&request, limited).await? {
            return Ok(outcome);
        }
        let asked = self.ask_payment(&request, id, &command);
        let Ok(end) = timeout_at(request.deadline, asked).await else {
            return self.overdue(&request, id).await;
        };
        match end? {
            CommandEnd::KeyTaken(record) => self.repeat(&request, record).await,
            end @ (CommandEnd::Answered(_) | CommandEnd::Acted { .. } | CommandEnd::Refused(_)) => {
                self.conclude(end)
            }
        }
    }

    async fn ask_payment(
        &self,
        request: &Request,
        id: PaymentId,
        command: &Command,
    ) -> Result<CommandEnd, Refusal> {
        let mut asks = 0;
        loop {
            asks += 1;
            let work = PaymentWork {
                merchant_id: Some(request.caller.merchant_id.clone()),
                command: command.clone(),
                claim: request.claim(),
                trace_id: Some(request.caller.trace_id),
                audit: None,
                reply: None,
            };
            let asked = self.shards.of_payment(id).ask(|reply| {
                let work = PaymentWork { reply: Some(reply), ..work };
                ShardMessage::ToPayment(id, PaymentMessage::Work(Box::new(work)))
            });
            match asked.await {
                Ok(end) => return Ok(end),
                Err(error) => self.after(error, asks).await?,
            }
        }
    }

    /// Whether to ask again: only when an actor died under the request.
    async fn after(&self, error: AskError, asks: u32) -> Result<(), Refusal> {
        match error {
            AskError::NotDelivered | AskError::OutcomeUnknown if asks < MOST_ASKS => {
                tokio::time::sleep(Duration::from_millis(20) * asks).await;
                Ok(())
            }
            AskError::NotDelivered | AskError::OutcomeUnknown => {
                let detail = "the request was interrupted; whether it was taken is not known, so repeat it with the \
                              same idempotency key";
                Err(Refusal::for_now(ProblemCode::StoreUnavailable, detail, Duration::from_secs(1)))
            }
            AskError::Overloaded | AskError::Stopped | AskError::Paused => {
                let detail = "the engine takes no more requests at the moment; try again shortly";
                Err(Refusal::for_now(ProblemCode::Overloaded, detail, Duration::from_secs(1)))
            }
        }
    }

    fn conclude(&self, end: CommandEnd) -> Result<Outcome, Refusal> {
        match end {
            CommandEnd::Answered(outcome) => {
                if outcome.replayed {
                    self.ports.meter.record(Measure::IdempotentReplay);
                }
                Ok(outcome)
            }
            CommandEnd::Refused(refusal) => Err(refusal),
            CommandEnd::Acted { .. } | CommandEnd::KeyTaken(_) => {
                tracing::error!("a client's command ended without an answer");
                let detail = "the command ended without an answer; repeat it with the same idempotency key";
                Err(Refusal::for_now(ProblemCode::StoreUnavailable, detail, Duration::from_secs(1)))
            }
        }
    }

    /// The key was taken before: by another command, or by this one, whose answer is stored or still to come.
    async fn repeat(&self, request: &Request, record: KeyRecord) -> Result<Outcome, Refusal> {
        let payment_id = record.payment_id;
        if record.fingerprint != request.fingerprint {
            return Err(key_reused(payment_id).into());
        }
        if let Some(answer) = record.answer {
            self.ports.meter.record(Measure::IdempotentReplay);
            return Ok(Outcome { answer, payment_id, replayed: true });
        }
        let what = if request.operation == "cancel" { WaitFor::Cancel } else { WaitFor::Authorization };
        let Some(key) = request.caller.key.clone() else {
            return Err(self.in_progress(payment_id));
        };
        let waited = timeout_at(request.deadline, self.wait_for(payment_id, what, &key)).await;
        match waited {
            Err(_) => self.overdue(request, payment_id).await,
            Ok(Err(refusal)) => Err(refusal),
            Ok(Ok(CommandEnd::KeyTaken(KeyRecord { answer: Some(answer), .. }))) => {
                self.ports.meter.record(Measure::IdempotentReplay);
                Ok(Outcome { answer, payment_id, replayed: true })
            }
            Ok(Ok(CommandEnd::KeyTaken(_))) => Err(self.in_progress(payment_id)),
            Ok(Ok(end)) => self.conclude(end),
        }
    }

    async fn wait_for(
        &self,
        id: PaymentId,
        what: WaitFor,
        key: &IdempotencyKey,
    ) -> Result<CommandEnd, Refusal> {
        let mut asks = 0;
        loop {
            asks += 1;
            let asked = self
                .shards
                .of_payment(id)
                .ask(|reply| ShardMessage::ToPayment(id, PaymentMessage::Await(what, key.clone(), reply)));
            match asked.await {
                Ok(end) => return Ok(end),
                Err(error) => self.after(error, asks).await?,
            }
        }
    }

    fn in_progress(&self, id: PaymentId) -> Refusal {
        let detail = "the same request is being worked on; repeat it in a moment".to_owned();
        let rejection = Rejection { code: ProblemCode::RequestInProgress, detail, payment_id: Some(id) };
        Refusal { rejection, retry_after: Some(Duration::from_secs(1)) }
    }

    /// The deadline came before the PG's answer: 202 with the payment as it is.
    async fn overdue(&self, request: &Request, id: PaymentId) -> Result<Outcome, Refusal> {
        let (payment, entries) = self.payment(&request.caller.merchant_id, id).await?;
        let answered = match request.operation {
            "authorize" => authorization_answer(&payment),
            // Not under way and not done: the cancel has not been taken, and may yet be.
            "cancel" => cancel_answer(&payment).map_err(|_| not_taken_in_time())?,
            _ => return Err(not_taken_in_time()),
        };
        let answer = match (answered, &request.caller.key) {
            // It was answered in this very moment; then the stored answer is the right one, and no other.
            (Some(_), Some(key)) => {
                let stored = self.ports.store.key(&request.caller.merchant_id, key).await;
                let stored = stored.map_err(|cause| unreadable(&cause))?.and_then(|record| record.answer);
                stored.ok_or_else(not_taken_in_time)?
            }
            (Some(kind), None) => render(kind, &payment, entries),
            (None, _) => render(AnswerKind::Pending, &payment, entries),
        };
        Ok(Outcome { answer, payment_id: id, replayed: false })
    }

    fn request<C: serde::Serialize>(
        &self,
        caller: Caller,
        operation: &'static str,
        id: Option<PaymentId>,
        command: &C,
    ) -> Request {
        let fingerprint = Fingerprint::of(operation, id, command);
        Request { caller, operation, fingerprint, deadline: Instant::now() + self.deadline }
    }

    /// With the breaker open no payment is begun; a repeat of an earlier one is still answered.
    async fn refuse_while_pg_is_away(&self, request: &Request) -> Result<Option<Outcome>, Refusal> {
        if self.pg_authorize.would_permit() {
            return Ok(None);
        }
        if let Some(key) = &request.caller.key {
            let record = self.ports.store.key(&request.caller.merchant_id, key).await;
            if let Some(record) = record.map_err(|cause| unreadable(&cause))? {
                return self.repeat(request, record).await.map(Some);
            }
        }
        let detail =
            "the payment gateway does not answer at the moment; nothing was started, try again shortly";
        Err(Refusal::for_now(ProblemCode::PgUnavailable, detail, Duration::from_secs(5)))
    }

    async fn ask_authorization(
        &self,
        request: &Request,
        command: &Authorize,
        key: &IdempotencyKey,
        birth: Birth,
    ) -> Result<CommandEnd, Refusal> {
        let slot = command.merchant_id.slot();
        let shard = self.shards.of(slot);
        let mut birth = Some(birth);
        let mut asks = 0;
        loop {
            asks += 1;
            // Its place died with the actor that had it.
            let birth = birth.take().unwrap_or_else(|| self.shards.begin_again(slot));
            let (command, key) = (command.clone(), key.clone());
            let (fingerprint, trace_id) = (request.fingerprint, request.caller.trace_id);
            let asked = shard.ask(|reply| {
                let new = NewAuthorization { command, key, fingerprint, trace_id, birth, reply };
                ShardMessage::Authorize(Box::new(new))
            });
            match asked.await {
                Ok(end) => return Ok(end),
                Err(error) => self.after(error, asks).await?,
            }
        }
    }
}

/// What a client hears when there is more to begin than can be begun in time.
fn overloaded() -> Refusal {
    let detail = "the engine has more payments to begin than it can in time; nothing was done for this request, repeat it shortly";
    Refusal::for_now(ProblemCode::Overloaded, detail, Duration::from_secs(1))
}

fn not_taken_in_time() -> Refusal {
    let detail = "the request was not taken in time; whether it was taken is not known, so repeat it with the same \
                  idempotency key";
    Refusal::for_now(ProblemCode::StoreUnavailable, detail, Duration::from_secs(1))
}

fn key_reused(id: PaymentId) -> Rejection {
    let detail =
        "this idempotency key was used for another command; use a new key for a new command".to_owned();
    Rejection { code: ProblemCode::IdempotencyKeyReused, detail, payment_id: Some(id) }
}

#[async_trait]
impl PaymentsApi for PaymentService {
    async fn authorize(&self, caller: Caller, command: Authorize) -> Result<Outcome, Refusal> {
        let Some(key) = caller.key.clone() else {
            let detail =
                "an authorization needs an idempotency key, in the body or the Idempotency-Key header";
            let code = ProblemCode::IdempotencyKeyMissing;
            return Err(Rejection { code, detail: detail.to_owned(), payment_id: None }.into());
        };
        // Before anything else is done for it, or the refusals of an overload would be its largest part. Repeats are not
        // told apart yet: they are refused as well.
        let Some(birth) = self.shards.begin(command.merchant_id.slot()) else {
            return Err(overloaded());
        };
        let request = self.request(caller, "authorize", None, &command);
        if let Some(outcome) = self.admit(&request, LimitedOperation::Authorize).await? {
            return Ok(outcome);
        }
        if let Some(outcome) = self.refuse_while_pg_is_away(&request).await? {
            return Ok(outcome);
        }
        match timeout_at(request.deadline, self.ask_authorization(&request, &command, &key, birth)).await {
            Ok(end) => match end? {
                CommandEnd::KeyTaken(record) => self.repeat(&request, record).await,
                end @ (CommandEnd::Answered(_) | CommandEnd::Acted { .. } | CommandEnd::Refused(_)) => {
                    self.conclude(end)
                }
            },
            Err(_) => match self.ports.store.key(&request.caller.merchant_id, &key).await {
                Ok(Some(record)) => self.overdue(&request, record.payment_id).await,
                Ok(None) => Err(Refusal::for_now(
                    ProblemCode::StoreUnavailable,
                    "the request was not taken in time; repeat it with the same idempotency key",
                    Duration::from_secs(1),
                )),
                Err(cause) => Err(unreadable(&cause)),
            },
        }
    }

    async fn capture(&self, caller: Caller, id: PaymentId, command: Capture) -> Result<Outcome, Refusal> {
        let request = self.request(caller, "capture", Some(id), &command);
        self.command(request, id, LimitedOperation::Capture, Command::Capture(command)).await
    }

    async fn refund(&self, caller: Caller, id: PaymentId, command: Refund) -> Result<Outcome, Refusal> {
        let request = self.request(caller, "refund", Some(id), &command);
        self.command(request, id, LimitedOperation::Refund, Command::Refund(command)).await
    }

    async fn cancel(&self, caller: Caller, id: PaymentId, command: Cancel) -> Result<Outcome, Refusal> {
        let request = self.request(caller, "cancel", Some(id), &command);
        self.command(request, id, LimitedOperation::Refund, Command::Cancel(command)).await
    }

    async fn payment(
        &self,
        merchant_id: &MerchantId,
        id: PaymentId,
    ) -> Result<(Payment, Vec<LedgerEntry>), Refusal> {
        let read = self.ports.store.payment_with_entries(id).await.map_err(|cause| unreadable(&cause))?;
        read.filter(|(payment, _)| payment.merchant_id == *merchant_id).ok_or_else(|| not_theirs(id))
    }

    async fn history(&self, merchant_id: &MerchantId, id: PaymentId) -> Result<Vec<Transition>, Refusal> {
        let read = self.ports.store.payment(id).await.map_err(|cause| unreadable(&cause))?;
        read.filter(|payment| payment.merchant_id == *merchant_id).ok_or_else(|| not_theirs(id))?;
        self.ports.store.history(id).await.map_err(|cause| unreadable(&cause))
    }

    async fn list(&self, filter: PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, Refusal> {
        self.ports.store.list(&filter).await.map_err(|cause| unreadable(&cause))
    }

    async fn not_ready(&self) -> Vec<String> {
        match self.ports.store.ping().await {
            Ok(()) => Vec::new(),
            Err(cause) => vec![format!("store: {cause}")],
        }
    }
}

fn not_theirs(id: PaymentId) -> Refusal {
    let detail = format!("payment {id} does not exist or belongs to another merchant");
    Rejection { code: ProblemCode::NotFound, detail, payment_id: None }.into()
}
