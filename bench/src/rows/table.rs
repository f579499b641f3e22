//! The tables, and the rows that a payment's steps leave in them.
//!
//! Owns the order of columns. What a row means is the engine's matter: these are the rows it writes.

use payment_schema::event::{Event, SCHEMA_VERSION};
use payment_schema::fingerprint::ClaimDigest;
use payment_schema::ledger::Movement;
use payment_schema::operation::{Operation, OperationKind, Progress};
use payment_schema::payment::Payment;
use payment_schema::representation::render;
use payment_schema::status::Status;
use payment_schema::text::Reason;
use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;

use super::cell::Cell;
use super::life::{Claim, Life, Step};

/// One row.
pub(crate) type Row = Vec<Cell>;

/// A table that steps write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Payment,
    Transition,
    Key,
    Answer,
    Settlement,
    Refund,
    Outbox,
    Ledger,
}

impl Table {
    /// Every table, in the order in which rows may refer to each other.
    pub(crate) const ALL: [Self; 8] = [
        Self::Payment,
        Self::Transition,
        Self::Key,
        Self::Answer,
        Self::Settlement,
        Self::Refund,
        Self::Outbox,
        Self::Ledger,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Transition => "payment_transition",
            Self::Key => "idem_response_cache",
            Self::Answer => "idem_answer",
            Self::Settlement => "settlement_request",
            Self::Refund => "refund_request",
            Self::Outbox => "outbox_event",
            Self::Ledger => "ledger_entry",
        }
    }

    /// Its columns in the order of a row's cells.
    pub(crate) const fn columns(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Payment, Dialect::MariaDb) => {
                "payment_id, merchant_id, amount, currency, status, version, captured_amount, refunded_amount, \
                 last_event_seq, open_operations, due_at, due_kind, created_at, updated_at, document, \
                 open_touched_at, authorization_progress"
            }
            (Self::Payment, Dialect::Sqlite) => {
                "payment_id, merchant_id, amount, currency, status, version, captured_amount, refunded_amount, \
                 last_event_seq, open_operations, due_at, due_kind, created_at, updated_at, document"
            }
            (Self::Transition, _) => {
                "payment_id, version, from_status, to_status, cause, reason, operation_no, attempt, trace_id, token, at"
            }
            (Self::Key, _) => {
                "key_digest, merchant_id, idem_key, fingerprint, payment_id, operation, token, created_at"
            }
            (Self::Answer, _) => "payment_id, key_digest, status_code, body",
            (Self::Settlement | Self::Refund, _) => {
                "payment_id, operation_no, operation, amount, status, attempt, retry_count, pg_outcome, \
                 dead_lettered, reason, transaction_id, response_code, response_message, next_attempt_at, \
                 attempted_at, requested_at, updated_at"
            }
            (Self::Outbox, _) => {
                "event_id, payment_id, event_seq, place, topic, payload, trace_id, created_at, published_at"
            }
            (Self::Ledger, _) => {
                "transaction_id, event_id, payment_id, operation_no, side, account, amount, currency, posted_at"
            }
        }
    }
}

/// Which database the rows are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    MariaDb,
    Sqlite,
}

/// The payment's own row as of a step.
pub(crate) fn payment(step: &Step, dialect: Dialect, due: Option<(Timestamp, &'static str)>) -> Row {
    let payment = &step.decision.payment;
    let open = payment.open_operations().count() as u64;
    let document = match dialect {
        Dialect::MariaDb => payment.to_document_with_room(),
        Dialect::Sqlite => serde_json::to_string(payment).expect("a payment holds nothing that JSON cannot"),
    };
    let mut row = vec![
        payment.id.as_i64().into(),
        payment.merchant_id.as_str().to_owned().into(),
        payment.amount.as_i64().into(),
        payment.currency.code().into(),
        payment.status.as_str().into(),
        payment.version.0.into(),
        payment.captured.as_i64().into(),
        payment.refunded.as_i64().into(),
        payment.last_event_seq.into(),
        open.into(),
        due.map(|(at, _)| at.as_micros()).into(),
        due.map_or(Cell::Null, |(_, kind)| kind.into()),
        payment.created_at.as_micros().into(),
        payment.updated_at.as_micros().into(),
        document.into(),
    ];
    if dialect == Dialect::MariaDb {
        row.push((open > 0).then(|| payment.updated_at.as_micros()).into());
        row.push(authorization_progress(payment).into());
    }
    row
}

fn authorization_progress(payment: &Payment) -> &'static str {
    let authorization = payment.operations.first().expect("a payment is created with its authorization");
    if authorization.progress == Progress::DeadLettered {
        "dead-lettered"
    } else {
        authorization.progress.as_str()
    }
}

/// A step's rows of history.
pub(crate) fn transitions(step: &Step) -> impl Iterator<Item = Row> {
    let id = step.decision.payment.id;
    step.decision.transitions.iter().map(move |transition| {
        vec![
            id.as_i64().into(),
            transition.version.0.into(),
            Cell::maybe(transition.from.map(Status::as_str)),
            transition.to.as_str().into(),
            transition.cause.kind.as_str().into(),
            Cell::maybe(transition.cause.reason.as_deref()),
            transition.operation_no.0.into(),
            transition.attempt.0.into(),
            transition.trace_id.to_string().into(),
            step.token.cast_signed().into(),
            transition.at.as_micros().into(),
        ]
    })
}

/// The row of the key that a life's first step takes.
pub(crate) fn key(life: &Life) -> Option<Row> {
    let first = life.steps.first()?;
    let claim = first.claim.as_ref()?;
    let payment = &first.decision.payment;
    Some(vec![
        digest(payment, claim),
        payment.merchant_id.as_str().to_owned().into(),
        claim.key.as_str().to_owned().into(),
        Cell::Bytes(claim.fingerprint.0.to_vec()),
        payment.id.as_i64().into(),
        "authorize".into(),
        first.token.cast_signed().into(),
        payment.created_at.as_micros().into(),
    ])
}

/// The row of the answer under that key.
pub(crate) fn answer(life: &Life) -> Option<Row> {
    let claim = life.steps.first()?.claim.as_ref()?;
    life.steps.iter().find_map(|step| {
        let payment = &step.decision.payment;
        let keyed = step.decision.answers.iter().find(|keyed| keyed.key == claim.key)?;
        let answer = render(keyed.kind, payment, Vec::new());
        let status = Cell::Int(i64::from(answer.status));
        Some(vec![payment.id.as_i64().into(), digest(payment, claim), status, Cell::Bytes(answer.body)])
    })
}

fn digest(payment: &Payment, claim: &Claim) -> Cell {
    Cell::Bytes(ClaimDigest::of(&payment.merchant_id, &claim.key).0.to_vec())
}

/// A step's rows for the outbox; published at that moment, or waiting.
pub(crate) fn outbox(
    step: &Step,
    dialect: Dialect,
    published: Option<Timestamp>,
) -> impl Iterator<Item = Row> {
    let waiting = match dialect {
        Dialect::MariaDb => Cell::Int(0),
        Dialect::Sqlite => Cell::Null,
    };
    let published = published.map_or(waiting, |at| at.as_micros().into());
    step.decision.events.iter().map(move |event| {
        vec![
            event.event_id.to_string().into(),
            event.payment_id.as_i64().into(),
            event.event_seq.into(),
            event.event_seq.into(),
            event.kind.topic().as_str().into(),
            payload(event).into(),
            step.trace_id.to_string().into(),
            event.occurred_at.as_micros().into(),
            published.clone(),
        ]
    })
}

/// An event's JSON.
pub(crate) fn payload(event: &Event) -> String {
    String::from_utf8(event.to_json()).expect("JSON is text")
}

/// A record's headers in the embedded event log.
pub(crate) fn headers(step: &Step, event: &Event) -> String {
    serde_json::json!({
        "eventId": event.event_id,
        "traceparent": step.trace_id.traceparent(1),
        "schemaVersion": SCHEMA_VERSION,
    })
    .to_string()
}

/// The rows of a payment's captures, refunds and voids, each with its table.
pub(crate) fn requests(payment: &Payment) -> impl Iterator<Item = (Table, Row)> {
    payment.operations.iter().filter_map(|operation| {
        let table = match operation.kind {
            OperationKind::Authorize => return None,
            OperationKind::Capture => Table::Settlement,
            OperationKind::Refund | OperationKind::Void => Table::Refund,
        };
        Some((table, request(payment, operation)))
    })
}

fn request(payment: &Payment, operation: &Operation) -> Row {
    vec![
        payment.id.as_i64().into(),
        operation.no.0.into(),
        operation.kind.as_str().into(),
        operation.amount.as_i64().into(),
        operation.progress.as_str().into(),
        operation.attempt.0.into(),
        operation.negatives.into(),
        operation.outcome.as_str().into(),
        Cell::Int(i64::from(operation.progress == Progress::DeadLettered)),
        Cell::maybe(operation.reason.as_ref().map(Reason::as_str)),
        Cell::maybe(operation.transaction_id.as_deref()),
        Cell::maybe(operation.response_code.as_deref()),
        Cell::maybe(operation.response_message.as_deref()),
        operation.next_attempt_at().map(Timestamp::as_micros).into(),
        operation.attempted_at.as_micros().into(),
        operation.requested_at.as_micros().into(),
        payment.updated_at.as_micros().into(),
    ]
}

/// The rows that the ledger posts for a step's events.
pub(crate) fn ledger(step: &Step) -> impl Iterator<Item = Row> {
    let moving = step
        .decision
        .events
        .iter()
        .filter(|event| matches!(event.kind.topic(), Topic::Captured | Topic::Refunded));
    moving.flat_map(|event| {
        let movement = Movement::from_record(event.kind.topic(), &event.to_json())
            .expect("an event of these topics moves money");
        let side = |side: &'static str, account: &str| -> Row {
            vec![
                movement.transaction_id().into(),
                movement.event_id.to_string().into(),
                movement.payment_id.as_i64().into(),
                movement.operation_no.0.into(),
                side.into(),
                account.to_owned().into(),
                movement.amount.as_i64().into(),
                movement.currency.code().into(),
                event.occurred_at.as_micros().into(),
            ]
        };
        [side("debit", &movement.debit.0), side("credit", &movement.credit.0)]
    })
}

#[cfg(test)]
mod tests {
    use payment_schema::time::Timestamp;

    use super::super::life::{Course, Lives};
    use super::{Dialect, Row, Table};

    /// How many columns a table's list names.
    fn width(table: Table, dialect: Dialect) -> usize {
        table.columns(dialect).split(',').count()
    }

    #[test]
    fn rows_are_as_wide_as_their_tables() {
        let lives = Lives::new(10, "run");
        let life = lives.of(5, Timestamp::from_micros(1), Course::Refunded).expect("a life");
        let last = life.steps.last().expect("steps");
        for dialect in [Dialect::MariaDb, Dialect::Sqlite] {
            let check = |table: Table, rows: Vec<Row>, count: usize| {
                assert_eq!(rows.len(), count, "{table:?}");
                assert!(rows.iter().all(|row| row.len() == width(table, dialect)), "{table:?} {dialect:?}");
            };
            check(Table::Payment, vec![super::payment(last, dialect, None)], 1);
            check(Table::Transition, life.steps.iter().flat_map(super::transitions).collect(), 6);
            check(Table::Key, super::key(&life).into_iter().collect(), 1);
            check(Table::Answer, super::answer(&life).into_iter().collect(), 1);
            check(
                Table::Outbox,
                life.steps.iter().flat_map(|step| super::outbox(step, dialect, None)).collect(),
                5,
            );
            check(Table::Ledger, life.steps.iter().flat_map(super::ledger).collect(), 4);
            let requests = super::requests(&last.decision.payment);
            check(Table::Settlement, requests.map(|(_, row)| row).collect(), 2);
        }
    }
}
