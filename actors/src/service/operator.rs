//! The operators' door.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payment_schema::command::{Command, ResolvedOutcome};
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{OperationNo, PaymentId};
use payment_schema::ledger::Movement;
use payment_schema::operation::OperationKind;
use payment_schema::problem::{ProblemCode, Rejection};
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use uuid::Builder;

use super::unreadable;
use crate::api::{Act, BreakerCommand, BreakerView, LetterOutcome, OperatorApi, Refusal};
use crate::breaker::{Breakers, BreakersMessage, Gates};
use crate::ledger::poison;
use crate::payments::{CommandEnd, PaymentMessage, PaymentWork, ShardHandles, ShardMessage};
use crate::ports::Ports;
use crate::ports::journal_store::AuditEntry;
use crate::ports::ledger_store::PostOutcome;
use crate::ports::operator_store::OperationTotals;
use crate::supervision::Handle;

/// Puts operators' requests to the engine.
pub struct OperatorService {
    ports: Ports,
    shards: ShardHandles,
    gates: Gates,
    breakers: Handle<Breakers>,
}

/// An operation open for longer than this is shown as delayed.
const DELAYED_AFTER: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

impl OperatorService {
    /// A door to this engine.
    #[must_use]
    pub fn new(ports: Ports, shards: ShardHandles, gates: Gates, breakers: Handle<Breakers>) -> Self {
        Self { ports, shards, gates, breakers }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from(self.ports.clock.now())
    }

    fn entry(&self, what: &str, target: &str, outcome: &str, act: &Act) -> AuditEntry {
        let at = self.now();
        let millis = u64::try_from(at.as_micros() / 1_000).unwrap_or(0);
        let mut random = [0_u8; 10];
        random.iter_mut().zip(self.ports.random.next_u64().to_le_bytes()).for_each(|(to, from)| *to = from);
        let id = Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string();
        AuditEntry {
            id,
            who: act.who.clone(),
            what: what.to_owned(),
            target: target.to_owned(),
            reason: act.reason.clone(),
            at,
            outcome: outcome.to_owned(),
        }
    }

    async fn write(&self, entry: AuditEntry) -> Result<String, Refusal> {
        self.ports.store.write_audit(&entry).await.map_err(|cause| unreadable(&cause))?;
        tracing::info!(
            who = entry.who,
            what = entry.what,
            target = entry.target,
            reason = entry.reason,
            "operator act"
        );
        Ok(entry.id)
    }

    /// An operator's command to a payment; its audit entry commits with the change, or is written for its own.
    async fn act(
        &self,
        id: PaymentId,
        command: Command,
        audit: AuditEntry,
        act: &Act,
    ) -> Result<bool, Refusal> {
        let asked = self.shards.of_payment(id).ask(|reply| {
            let work = PaymentWork {
                merchant_id: None,
                command,
                claim: None,
                trace_id: Some(act.trace_id),
                audit: Some(audit.clone()),
                reply: Some(reply),
            };
            ShardMessage::ToPayment(id, PaymentMessage::Work(Box::new(work)))
        });
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(CommandEnd::Acted { changed: true })) => Ok(true),
            Ok(Ok(CommandEnd::Acted { changed: false })) => {
                self.write(AuditEntry { outcome: "nothing to do".to_owned(), ..audit }).await?;
                Ok(false)
            }
            Ok(Ok(CommandEnd::Refused(refusal))) => {
                self.write(AuditEntry {
                    outcome: format!("refused: {}", refusal.rejection.code.as_str()),
                    ..audit
                })
                .await?;
                Err(refusal)
            }
            Ok(Ok(CommandEnd::Answered(_) | CommandEnd::KeyTaken(_)) | Err(_)) | Err(_) => {
                let detail = "the payment did not answer; look at its state before acting again";
                Err(Refusal::for_now(ProblemCode::StoreUnavailable, detail, Duration::from_secs(1)))
            }
        }
    }

    async fn on_letter(
        &self,
        topic: Topic,
        id: &str,
        act: Act,
        replay: bool,
    ) -> Result<LetterOutcome, Refusal> {
        let letter = self.dead_letter(topic, id).await?;
        let what = if replay { "replay" } else { "discard" };
        let audit = self.entry(what, &format!("{topic}/{id}"), "done", &act);
        let audit_id = audit.id.clone();
        let changed = match (letter.payment_id, letter.operation) {
            (Some(payment_id), Some(_)) if letter.status == LetterStatus::Open => {
                let (letter_id, reason) = (id.to_owned(), act.reason.clone());
                let command = if replay {
                    Command::ReplayLetter { letter_id, reason }
                } else {
                    Command::DiscardLetter { letter_id, reason }
                };
                self.act(payment_id, command, audit, &act).await?
            }
            (_, Some(_)) => {
                self.write(AuditEntry { outcome: "nothing to do".to_owned(), ..audit }).await?;
                false
            }
            (_, None) if replay => self.replay_record(&letter, audit).await?,
            (_, None) => return Err(self.keep_record(audit).await),
        };
        let status = self.dead_letter(topic, id).await?.status;
        Ok(LetterOutcome { changed, status, audit_id })
    }

    /// Posts a record that could not be posted before.
    async fn replay_record(&self, letter: &DeadLetter, audit: AuditEntry) -> Result<bool, Refusal> {
        let movement = poison::movement_of_letter(letter).map_err(|error| conflict(&error.to_string()))?;
        self.post(&movement).await?;
        let closed = self
            .ports
            .store
            .close_dead_letter(&letter.id, LetterStatus::Replayed, &audit.reason, audit.at)
            .await;
        let changed = closed.map_err(|cause| unreadable(&cause))?;
        let outcome = if changed { "done" } else { "nothing to do" };
        self.write(AuditEntry { outcome: outcome.to_owned(), ..audit }).await?;
        Ok(changed)
    }

    async fn post(&self, movement: &Movement) -> Result<(), Refusal> {
        let posted = self.ports.store.post(std::slice::from_ref(movement), self.now()).await;
        match posted.map_err(|cause| unreadable(&cause))?.first() {
            Some(PostOutcome::Posted | PostOutcome::AlreadyPosted) => Ok(()),
            Some(PostOutcome::Contradiction) => {
                Err(conflict("another movement is posted for this operation"))
            }
            Some(PostOutcome::UnknownPayment) | None => Err(conflict("the record's payment is not known")),
        }
    }

    /// A record tells of money that moved: it can be posted, not thrown away.
    async fn keep_record(&self, audit: AuditEntry) -> Refusal {
        let refused =
            AuditEntry { outcome: "refused: records are replayed, not discarded".to_owned(), ..audit };
        match self.write(refused).await {
            Ok(_) => conflict("a record of moved money is replayed, not discarded"),
            Err(refusal) => refusal,
        }
    }
}

fn conflict(detail: &str) -> Refusal {
    Rejection { code: ProblemCode::OperationSettled, detail: detail.to_owned(), payment_id: None }.into()
}

#[async_trait]
impl OperatorApi for OperatorService {
    fn breakers(&self) -> Vec<BreakerView> {
        self.gates.all().into_iter().map(|gate| gate.view()).collect()
    }

    async fn set_breaker(
        &self,
        name: &str,
        command: BreakerCommand,
        act: Act,
    ) -> Result<Option<String>, Refusal> {
        let asked = self.breakers.ask(|reply| BreakersMessage::Command(name.to_owned(), command, reply));
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Ok(None),
            Ok(Err(_)) | Err(_) => {
                let detail = "the breaker did not answer; try again in a moment";
                return Err(Refusal::for_now(ProblemCode::Overloaded, detail, Duration::from_secs(1)));
            }
        }
        let outcome = self
            .gates
            .all()
            .into_iter()
            .find(|gate| gate.name() == name)
            .map_or("", |gate| gate.state().as_str());
        self.write(self.entry("breaker-state", name, outcome, &act)).await.map(Some)
    }

    async fn audit_act(&self, what: &str, target: &str, outcome: &str, act: Act) -> Result<String, Refusal> {
        self.write(self.entry(what, target, outcome, &act)).await
    }

    async fn dead_letters(
        &self,
        topic: Topic,
        status: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, Refusal> {
        self.ports.store.dead_letters(topic, status, before, limit).await.map_err(|cause| unreadable(&cause))
    }

    async fn dead_letter(&self, topic: Topic, id: &str) -> Result<DeadLetter, Refusal> {
        let found = self.ports.store.dead_letter(id).await.map_err(|cause| unreadable(&cause))?;
        found.filter(|letter| letter.topic == topic).ok_or_else(|| {
            let detail = format!("there is no dead letter {id} in {topic}");
            Rejection { code: ProblemCode::NotFound, detail, payment_id: None }.into()
        })
    }

    async fn replay(&self, topic: Topic, id: &str, act: Act) -> Result<LetterOutcome, Refusal> {
        self.on_letter(topic, id, act, true).await
    }

    async fn discard(&self, topic: Topic, id: &str, act: Act) -> Result<LetterOutcome, Refusal> {
        self.on_letter(topic, id, act, false).await
    }

    async fn resolve(
        &self,
        id: PaymentId,
        operation_no: OperationNo,
        outcome: ResolvedOutcome,
        pg_transaction_id: Option<String>,
        act: Act,
    ) -> Result<String, Refusal> {
        let audit = self.entry("resolve", &id.to_string(), "done", &act);
        let audit_id = audit.id.clone();
        let pg_transaction_id = pg_transaction_id.map(Into::into);
        let command =
            Command::Resolve { operation_no, outcome, pg_transaction_id, reason: act.reason.clone() };
        self.act(id, command, audit, &act).await?;
        Ok(audit_id)
    }

    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, Refusal> {
        self.ports.store.audit(before, limit).await.map_err(|cause| unreadable(&cause))
    }

    async fn totals(&self, kind: OperationKind) -> Result<OperationTotals, Refusal> {
        let micros = i64::try_from(DELAYED_AFTER.as_micros()).expect("a minute in microseconds fits");
        let delayed_before = Timestamp::from_micros(self.now().as_micros() - micros);
        self.ports.store.operation_totals(kind, delayed_before).await.map_err(|cause| unreadable(&cause))
    }

    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, Refusal> {
        self.ports.store.open_dead_letters().await.map_err(|cause| unreadable(&cause))
    }

    async fn status_counts(&self) -> Result<Vec<u64>, Refusal> {
        self.ports.store.status_counts().await.map_err(|cause| unreadable(&cause))
    }
}

/// Keeps the service shareable between the threads of the operator listener.
const _: fn() = || {
    fn shareable<T: Send + Sync>() {}
    shareable::<Arc<OperatorService>>();
};
