//! An operator API that remembers what it was asked.

use async_trait::async_trait;
use parking_lot::Mutex;
use payment_actors::api::{
    Act, BreakerChange, BreakerCommand, BreakerView, LetterOutcome, OperatorApi, Refusal,
};
use payment_actors::ports::journal_store::AuditEntry;
use payment_actors::ports::operator_store::OperationTotals;
use payment_schema::command::ResolvedOutcome;
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{OperationNo, PaymentId};
use payment_schema::operation::OperationKind;
use payment_schema::problem::{ProblemCode, Rejection};
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;
use serde_json::json;

use super::samples::id;

/// An act that reached the engine: what, on what, why.
pub(crate) type Acted = (String, String, String);

#[derive(Default)]
pub(crate) struct FakeOperator {
    acts: Mutex<Vec<Acted>>,
    actors: Mutex<Vec<String>>,
    pub(crate) store_is_down: Mutex<bool>,
}

impl FakeOperator {
    pub(crate) fn acts(&self) -> Vec<Acted> {
        self.acts.lock().clone()
    }

    /// Who acted.
    pub(crate) fn actors(&self) -> Vec<String> {
        self.actors.lock().clone()
    }

    fn act(&self, what: &str, target: &str, act: Act) -> Result<String, Refusal> {
        if *self.store_is_down.lock() {
            let wait = std::time::Duration::from_secs(1);
            return Err(Refusal::for_now(ProblemCode::StoreUnavailable, "the store is down", wait));
        }
        self.actors.lock().push(act.who);
        self.acts.lock().push((what.to_owned(), target.to_owned(), act.reason));
        Ok("audit-1".to_owned())
    }
}

pub(crate) fn breaker(name: &'static str) -> BreakerView {
    BreakerView {
        name,
        state: "CLOSED",
        number_of_successful_calls: 14,
        number_of_failed_calls: 11,
        number_of_slow_calls: 2,
        number_of_slow_successful_calls: 1,
        number_of_slow_failed_calls: 1,
        number_of_buffered_calls: 25,
        number_of_not_permitted_calls: 0,
        failure_rate: "44.00%".to_owned(),
        slow_call_rate: "8.00%".to_owned(),
        changes: vec![BreakerChange { number: 1, from: "HALF_OPEN", to: "CLOSED", ago_ms: 250 }],
    }
}

fn letter(number: u64) -> DeadLetter {
    DeadLetter {
        id: format!("{number}-2-1"),
        topic: Topic::SettlementDlq,
        payment_id: Some(id(1024)),
        operation: Some((OperationNo(2), OperationKind::Capture)),
        error_type: "TRIES_EXHAUSTED".to_owned(),
        status: LetterStatus::Open,
        body: json!({"retryCount": 10}),
        created_at: Timestamp::parse("2026-01-31T12:00:00Z").unwrap(),
        closed_at: None,
        closed_reason: None,
    }
}

fn not_found() -> Refusal {
    Rejection { code: ProblemCode::NotFound, detail: "no such thing".to_owned(), payment_id: None }.into()
}

#[async_trait]
impl OperatorApi for FakeOperator {
    fn breakers(&self) -> Vec<BreakerView> {
        vec![breaker("kafka-publisher"), breaker("pg-authorize")]
    }

    async fn set_breaker(
        &self,
        name: &str,
        command: BreakerCommand,
        act: Act,
    ) -> Result<Option<String>, Refusal> {
        if self.breakers().iter().all(|breaker| breaker.name != name) {
            return Ok(None);
        }
        self.act(&format!("{command:?}"), name, act).map(Some)
    }

    async fn audit_act(&self, what: &str, target: &str, outcome: &str, act: Act) -> Result<String, Refusal> {
        self.act(&format!("{what} {outcome}"), target, act)
    }

    async fn dead_letters(
        &self,
        topic: Topic,
        _: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, Refusal> {
        if topic != Topic::SettlementDlq {
            return Ok(Vec::new());
        }
        let positions = (1..=3).rev().filter(|at| before.is_none_or(|before| *at < before));
        Ok(positions.take(limit as usize).map(|at| (at, letter(at))).collect())
    }

    async fn dead_letter(&self, topic: Topic, id: &str) -> Result<DeadLetter, Refusal> {
        let found = letter(1);
        if topic == found.topic && id == found.id { Ok(found) } else { Err(not_found()) }
    }

    async fn replay(&self, topic: Topic, id: &str, act: Act) -> Result<LetterOutcome, Refusal> {
        self.dead_letter(topic, id).await?;
        let changed = self.acts().is_empty();
        let audit_id = self.act("replay", id, act)?;
        Ok(LetterOutcome { changed, status: LetterStatus::Replayed, audit_id })
    }

    async fn discard(&self, topic: Topic, id: &str, act: Act) -> Result<LetterOutcome, Refusal> {
        self.dead_letter(topic, id).await?;
        let audit_id = self.act("discard", id, act)?;
        Ok(LetterOutcome { changed: true, status: LetterStatus::Discarded, audit_id })
    }

    async fn resolve(
        &self,
        id: PaymentId,
        operation_no: OperationNo,
        outcome: ResolvedOutcome,
        pg_transaction_id: Option<String>,
        act: Act,
    ) -> Result<String, Refusal> {
        let transaction = pg_transaction_id.as_deref().unwrap_or("-");
        self.act(&format!("resolve {outcome:?} {transaction}"), &format!("{id}/{operation_no}"), act)
    }

    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, Refusal> {
        let entry = |at: u64| AuditEntry {
            id: format!("audit-{at}"),
            who: "local".to_owned(),
            what: "kill".to_owned(),
            target: "root/outbox".to_owned(),
            reason: "drill".to_owned(),
            at: Timestamp::parse("2026-01-31T12:00:00Z").unwrap(),
            outcome: "begun".to_owned(),
        };
        let positions = (1..=3).rev().filter(|at| before.is_none_or(|before| *at < before));
        Ok(positions.take(limit as usize).map(|at| (at, entry(at))).collect())
    }

    async fn totals(&self, kind: OperationKind) -> Result<OperationTotals, Refusal> {
        Ok(match kind {
            OperationKind::Capture => {
                OperationTotals { total: 10, approved: 2, open: 7, dead_lettered: 1, given_up: 0, delayed: 3 }
            }
            OperationKind::Refund | OperationKind::Void | OperationKind::Authorize => {
                OperationTotals::default()
            }
        })
    }

    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, Refusal> {
        Ok(vec![(Topic::SettlementDlq, 1)])
    }

    async fn status_counts(&self) -> Result<Vec<u64>, Refusal> {
        Ok((0..11).collect())
    }
}
