//! What the face of the engine may ask of it.
//!
//! Owns the two traits that HTTP is written against: [`PaymentsApi`] for merchants and [`OperatorApi`] for
//! operators. Parsing, authentication and HTTP belong to the face; rules and state to the actors behind.

use std::time::Duration;

use async_trait::async_trait;
use payment_schema::command::{Authorize, Cancel, Capture, Refund, ResolvedOutcome};
use payment_schema::dead_letter::{DeadLetter, LetterStatus};
use payment_schema::ids::{MerchantId, OperationNo, PaymentId, TraceId};
use payment_schema::ledger::LedgerEntry;
use payment_schema::operation::OperationKind;
use payment_schema::payment::Payment;
use payment_schema::problem::{ProblemCode, Rejection};
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;
use payment_schema::topic::Topic;
use payment_schema::transition::Transition;
use serde::Serialize;

use crate::ports::journal_store::AuditEntry;
use crate::ports::operator_store::OperationTotals;
use crate::ports::payment_store::PaymentFilter;

/// Who asks, and under which names.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The merchant.
    pub merchant_id: MerchantId,
    /// The command's idempotency key; an authorization must have one.
    pub key: Option<IdempotencyKey>,
    /// The trace the request belongs to.
    pub trace_id: TraceId,
}

/// An answer to a client's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Status and body: 200, 402, 409 `AUTHORIZATION_CANCELLED`, or 202 when the PG has not answered in time.
    pub answer: Answer,
    /// The payment.
    pub payment_id: PaymentId,
    /// Whether the command was recognised as a repeat (`Idempotent-Replayed: true`).
    pub replayed: bool,
}

/// A refusal, with the moment from which asking again makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Code, detail and payment.
    pub rejection: Rejection,
    /// For 429 and 503.
    pub retry_after: Option<Duration>,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, retry_after: None }
    }
}

impl Refusal {
    /// A refusal that may go away by itself.
    #[must_use]
    pub fn for_now(code: ProblemCode, detail: impl Into<String>, retry_after: Duration) -> Self {
        let rejection = Rejection { code, detail: detail.into(), payment_id: None };
        Self { rejection, retry_after: Some(retry_after) }
    }
}

/// What merchants can do. Every call ends within the engine's request deadline (10 s by default).
#[async_trait]
pub trait PaymentsApi: Send + Sync {
    /// Holds money; waits for the PG's answer until the deadline, then 202.
    ///
    /// # Errors
    /// 429, 422 key reused, 503.
    async fn authorize(&self, caller: Caller, command: Authorize) -> Result<Outcome, Refusal>;

    /// Takes held money; answers as soon as the capture is committed.
    ///
    /// # Errors
    /// 404, 409, 422, 429, 503.
    async fn capture(&self, caller: Caller, id: PaymentId, command: Capture) -> Result<Outcome, Refusal>;

    /// Gives money back; answers as soon as the refund is committed.
    ///
    /// # Errors
    /// 404, 409, 422, 429, 503.
    async fn refund(&self, caller: Caller, id: PaymentId, command: Refund) -> Result<Outcome, Refusal>;

    /// Releases the hold; waits for the PG's void until the deadline, then 202.
    ///
    /// # Errors
    /// 404, 409, 422, 429, 503.
    async fn cancel(&self, caller: Caller, id: PaymentId, command: Cancel) -> Result<Outcome, Refusal>;

    /// A merchant's payment with its movements.
    ///
    /// # Errors
    /// 404 (another merchant's too), 503.
    async fn payment(
        &self,
        merchant_id: &MerchantId,
        id: PaymentId,
    ) -> Result<(Payment, Vec<LedgerEntry>), Refusal>;

    /// A merchant's payment's transitions, oldest first.
    ///
    /// # Errors
    /// 404, 503.
    async fn history(&self, merchant_id: &MerchantId, id: PaymentId) -> Result<Vec<Transition>, Refusal>;

    /// One page of a merchant's payments, newest first.
    ///
    /// # Errors
    /// 503.
    async fn list(&self, filter: PaymentFilter) -> Result<Vec<(Payment, Vec<LedgerEntry>)>, Refusal>;

    /// What of the engine is not ready, in words; empty when all is.
    async fn not_ready(&self) -> Vec<String>;
}

/// One circuit breaker as operators see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerView {
    /// `kafka-publisher`, `pg-authorize`, `pg-capture`, `pg-refund`, `pg-void`.
    pub name: &'static str,
    /// CLOSED, OPEN, HALF_OPEN, DISABLED, FORCED_OPEN or FORCED_HALF_OPEN.
    pub state: &'static str,
    /// Successful calls in the window.
    pub number_of_successful_calls: u32,
    /// Failed calls in the window.
    pub number_of_failed_calls: u32,
    /// Slow calls in the window.
    pub number_of_slow_calls: u32,
    /// Slow but successful calls in the window.
    pub number_of_slow_successful_calls: u32,
    /// Slow and failed calls in the window.
    pub number_of_slow_failed_calls: u32,
    /// All calls in the window.
    pub number_of_buffered_calls: u32,
    /// Calls refused since the breaker last opened.
    pub number_of_not_permitted_calls: u64,
    /// `"44.00%"`, or `"-1.00%"` below the minimum number of calls.
    pub failure_rate: String,
    /// The same for slow calls.
    pub slow_call_rate: String,
    /// The latest changes of state, oldest first: a state can be over before anybody looks.
    pub changes: Vec<BreakerChange>,
}

/// One change of a breaker's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerChange {
    /// 1 is the first since the process began; none is left out.
    pub number: u64,
    /// The state before.
    pub from: &'static str,
    /// The state after.
    pub to: &'static str,
    /// How long ago, in milliseconds.
    pub ago_ms: u64,
}

/// A state that an operator may put a breaker into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerCommand {
    /// Work normally, from an empty window.
    Closed,
    /// Refuse every call until told otherwise.
    ForcedOpen,
    /// Permit every call and judge none.
    Disabled,
    /// Permit probes until told otherwise.
    ForcedHalfOpen,
}

/// What became of replaying or discarding a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterOutcome {
    /// Whether this act changed anything; a repeat does not.
    pub changed: bool,
    /// The letter's status now.
    pub status: LetterStatus,
    /// The audit entry.
    pub audit_id: String,
}

/// Who acts, and why; every act is audited.
#[derive(Debug, Clone)]
pub struct Act {
    /// The operator key's name, or `local` without keys.
    pub who: String,
    /// Why; never empty.
    pub reason: String,
    /// The trace of the request.
    pub trace_id: TraceId,
}

/// What operators can do beside the supervision tree.
#[async_trait]
pub trait OperatorApi: Send + Sync {
    /// Every circuit breaker, by name.
    fn breakers(&self) -> Vec<BreakerView>;

    /// Puts a breaker into a state; says the audit id, or `None` when there is no breaker of that name.
    ///
    /// # Errors
    /// 503 when the act cannot be audited.
    async fn set_breaker(
        &self,
        name: &str,
        command: BreakerCommand,
        act: Act,
    ) -> Result<Option<String>, Refusal>;

    /// Audits an act on the supervision tree (`restart`, `kill`, `pause`, `resume`); says the audit id.
    ///
    /// # Errors
    /// 503 when the store does not answer.
    async fn audit_act(&self, what: &str, target: &str, outcome: &str, act: Act) -> Result<String, Refusal>;

    /// Dead letters of a topic, newest first.
    ///
    /// # Errors
    /// 503.
    async fn dead_letters(
        &self,
        topic: Topic,
        status: Option<LetterStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, DeadLetter)>, Refusal>;

    /// One dead letter of a topic.
    ///
    /// # Errors
    /// 404, 503.
    async fn dead_letter(&self, topic: Topic, id: &str) -> Result<DeadLetter, Refusal>;

    /// Has a dead letter tried again.
    ///
    /// # Errors
    /// 404, 409 (a mismatch must be resolved), 503.
    async fn replay(&self, topic: Topic, id: &str, act: Act) -> Result<LetterOutcome, Refusal>;

    /// Gives a dead letter's operation up.
    ///
    /// # Errors
    /// 404, 409 (a mismatch must be resolved; a record's letter is replayed, not discarded), 503.
    async fn discard(&self, topic: Topic, id: &str, act: Act) -> Result<LetterOutcome, Refusal>;

    /// Settles an unknown or mismatching outcome; says the audit id.
    ///
    /// # Errors
    /// 404, 409 when it is settled, 503.
    async fn resolve(
        &self,
        id: PaymentId,
        operation_no: OperationNo,
        outcome: ResolvedOutcome,
        pg_transaction_id: Option<String>,
        act: Act,
    ) -> Result<String, Refusal>;

    /// Operators' acts, newest first.
    ///
    /// # Errors
    /// 503.
    async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<(u64, AuditEntry)>, Refusal>;

    /// Totals of an operation kind.
    ///
    /// # Errors
    /// 503.
    async fn totals(&self, kind: OperationKind) -> Result<OperationTotals, Refusal>;

    /// Open dead letters per topic.
    ///
    /// # Errors
    /// 503.
    async fn open_dead_letters(&self) -> Result<Vec<(Topic, u64)>, Refusal>;

    /// How many payments are in each state, in the order of `Status::ALL`.
    ///
    /// # Errors
    /// 503.
    async fn status_counts(&self) -> Result<Vec<u64>, Refusal>;
}
