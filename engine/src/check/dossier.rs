//! Everything that the sources say about one payment.
//!
//! Owns the shapes, as loose as the sources themselves: an auditor must be able to hold what should not exist.

use payment_schema::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One payment as all sources know it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dossier {
    /// Its id.
    pub id: u64,
    /// Its row; `None` when another source names a payment that the store does not have.
    pub payment: Option<PaymentRow>,
    /// Its history by version.
    pub transitions: Vec<TransitionRow>,
    /// Its ledger rows by operation.
    pub entries: Vec<EntryRow>,
    /// Its captures, refunds and voids as workers see them, by operation.
    pub requests: Vec<RequestRow>,
    /// Dead letters that name it.
    pub letters: Vec<LetterRow>,
    /// Its events that are committed but not published.
    pub unpublished: Vec<OutboxRow>,
    /// Its events in the topics, by topic, partition and offset.
    pub events: Vec<EventRow>,
    /// What is wrong with records that name it.
    pub strays: Vec<StrayRow>,
    /// The topics lost records by age, so that events may be missing without anybody's fault.
    pub lacks_events: bool,
    /// The payment gateway's answers in the order of its record; `None` when the record cannot be seen.
    pub pg: Option<Vec<PgEntry>>,
    /// How often an operator settled one of its outcomes, by the audit.
    pub audited_resolutions: usize,
}

/// The payment's row.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRow {
    /// Whose it is.
    pub merchant_id: String,
    /// The authorized amount.
    pub amount: i64,
    /// Its currency.
    pub currency: String,
    /// Its state.
    pub status: String,
    /// Its version.
    pub version: i64,
    /// What was captured.
    pub captured: i64,
    /// What was refunded.
    pub refunded: i64,
    /// The number of its latest event.
    pub last_event_seq: i64,
    /// When a sweep looks at it.
    pub due_at: Option<Timestamp>,
    /// The whole aggregate, or why it cannot be read.
    pub document: Result<Document, String>,
}

impl PaymentRow {
    /// Its operations; none when the aggregate cannot be read.
    #[must_use]
    pub fn operations(&self) -> &[OperationRow] {
        self.document.as_ref().map_or(&[], |document| &document.operations)
    }

    /// The operation with this number.
    #[must_use]
    pub fn operation(&self, no: u32) -> Option<&OperationRow> {
        self.operations().iter().find(|operation| operation.no == no)
    }
}

/// What the aggregate says that no column does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct Document {
    /// The payment's state, once more.
    pub status: String,
    /// Its version, once more.
    pub version: i64,
    /// What was captured, once more.
    pub captured: i64,
    /// What was refunded, once more.
    pub refunded: i64,
    /// Every operation.
    pub operations: Vec<OperationRow>,
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub struct OperationRow {
    /// Its number.
    pub no: u32,
    /// `authorize`, `capture`, `void` or `refund`.
    pub kind: String,
    /// How much it moves.
    pub amount: i64,
    /// Its current attempt.
    pub attempt: u32,
    /// What the PG said about it.
    pub outcome: String,
    /// How far it came.
    pub progress: Progress,
    /// When it was accepted.
    pub requested_at: Timestamp,
    /// When its current attempt was committed.
    pub attempted_at: Timestamp,
    /// When the PG last gave a recorded answer.
    pub answered_at: Option<Timestamp>,
    /// The PG's response code.
    pub response_code: Option<String>,
    /// Dead letters so far.
    #[serde(default)]
    pub dead_letters: u32,
}

/// How far an operation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// The current attempt is under way.
    Attempting,
    /// The next attempt is planned.
    Waiting(Timestamp),
    /// An operator decides.
    DeadLettered,
    /// Closed: approved.
    Approved,
    /// Closed: the authorization was refused.
    Declined,
    /// Closed: given up by an operator.
    GivenUp,
    /// Closed: another operation took its place.
    Superseded,
}

impl OperationRow {
    /// Whether it may still move money.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.progress {
            Progress::Attempting | Progress::Waiting(_) | Progress::DeadLettered => true,
            Progress::Approved | Progress::Declined | Progress::GivenUp | Progress::Superseded => false,
        }
    }
}

/// One step of the history.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransitionRow {
    /// The version it led to.
    pub version: i64,
    /// The state before.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// `api`, `pg-answer`, `pg-query`, `retry`, `expiry`, `recovery` or `operator`.
    pub cause: String,
    /// In words.
    pub reason: Option<String>,
    /// The operation it concerns.
    pub operation_no: u32,
    /// That operation's attempt.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
}

/// One ledger row.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryRow {
    /// The ledger transaction.
    pub transaction_id: String,
    /// The event that caused it.
    pub event_id: String,
    /// The operation that moved the money.
    pub operation_no: u32,
    /// `debit` or `credit`.
    pub side: String,
    /// The account.
    pub account: String,
    /// How much.
    pub amount: i64,
    /// In which currency.
    pub currency: String,
}

/// One row of `settlement_request` or `refund_request`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestRow {
    /// The operation's number.
    pub operation_no: u32,
    /// `capture`, `refund` or `void`.
    pub operation: String,
    /// How much.
    pub amount: i64,
    /// `open`, `approved`, `failed` or `given-up`.
    pub status: String,
    /// The current attempt.
    pub attempt: u32,
}

/// One dead letter.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LetterRow {
    /// Its id.
    pub id: String,
    /// Where it was published.
    pub topic: String,
    /// The operation it is about.
    pub operation_no: Option<u32>,
    /// The `errorType`.
    pub error_type: String,
    /// `open`, `replayed`, `discarded` or `superseded`.
    pub status: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// One committed event that is not published yet.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxRow {
    /// Its place among the payment's events; `None` for a dead letter.
    pub event_seq: Option<i64>,
    /// When it was committed.
    pub created_at: Timestamp,
}

/// One event in a topic.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i64,
    /// The offset.
    pub offset: i64,
    /// When it was written there.
    pub at: Timestamp,
    /// What it says.
    pub event: Event,
}

/// A record that is not as it should be.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StrayRow {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i64,
    /// The offset.
    pub offset: i64,
    /// When it was written there.
    pub at: Timestamp,
    /// What is wrong with it, in words that follow its name.
    pub what: String,
    /// Consumers cannot read it.
    pub unreadable: bool,
    /// A consumer made a dead letter of it.
    pub put_aside: bool,
}

/// What an event says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The payment.
    pub payment_id: u64,
    /// Its identity.
    pub event_id: String,
    /// Its place among the payment's events.
    pub event_seq: i64,
    /// The operation it concerns.
    pub operation_no: u32,
    /// Whose payment it is.
    pub merchant_id: String,
    /// The payment's currency.
    pub currency: String,
    /// What a capture moved.
    pub captured_amount: Option<i64>,
    /// What a refund moves or moved.
    pub refund_amount: Option<i64>,
}

/// One answer that the payment gateway recorded.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PgEntry {
    /// Its place in the record.
    pub seq: i64,
    /// The key it answered: `{paymentId}:{operation}:{operationNo}:{attempt}`.
    pub key: String,
    /// `authorize`, `capture`, `void` or `refund`.
    pub operation: String,
    /// The operation's number, out of the key.
    pub operation_no: u32,
    /// The attempt, out of the key.
    pub attempt: u32,
    /// Whose payment it is.
    pub merchant_id: String,
    /// How much.
    pub amount: i64,
    /// In which currency.
    pub currency: String,
    /// `approved`, `declined` or `failed`.
    pub result: String,
    /// When.
    pub at: String,
}

impl PgEntry {
    /// Whether it moved money.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        self.result == "approved"
    }
}
