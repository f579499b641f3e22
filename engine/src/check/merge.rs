//! Puts dossiers together: every source in the order of payment ids, read side by side, one payment at a time.
//!
//! Owns the queries on the store's tables, which are the same whether they are read where they are or as copies. Holds
//! no more than one payment in memory.

use std::collections::BTreeMap;

use payment_schema::time::Timestamp;
use rusqlite::{Connection, Row, Rows, Statement};

use super::dossier::{
    Dossier, EntryRow, EventRow, LetterRow, OutboxRow, PaymentRow, PgEntry, RequestRow, StrayRow,
    TransitionRow,
};
use super::evidence::EvidenceError;
use super::scratch::Scratch;

/// Where rows come from.
pub(super) struct Sources<'a> {
    pub(super) store: &'a Connection,
    pub(super) scratch: &'a Scratch,
    /// The lowest and the highest payment id.
    pub(super) range: [i64; 2],
    pub(super) sees_the_pg: bool,
    pub(super) sees_all_events: bool,
}

/// Each query begins with the payment's id and takes the lowest and highest id as parameters.
const PAYMENTS: &str = "
    SELECT payment_id, merchant_id, amount, currency, status, version, captured_amount, refunded_amount,
        last_event_seq, due_at, document
    FROM payment WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id";
const TRANSITIONS: &str = "
    SELECT payment_id, version, from_status, to_status, cause, reason, operation_no, attempt, at
    FROM payment_transition WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, version";
const ENTRIES: &str = "
    SELECT payment_id, transaction_id, event_id, operation_no, side, account, amount, currency
    FROM ledger_entry WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, operation_no, side";
const REQUESTS: &str = "
    SELECT payment_id, operation_no, operation, amount, status, attempt FROM settlement_request
    WHERE payment_id BETWEEN ?1 AND ?2
    UNION ALL
    SELECT payment_id, operation_no, operation, amount, status, attempt FROM refund_request
    WHERE payment_id BETWEEN ?1 AND ?2
    ORDER BY payment_id, operation_no";
const LETTERS: &str = "
    SELECT payment_id, letter_id, topic, operation_no, error_type, status, created_at
    FROM dead_letter WHERE payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, position";
const UNPUBLISHED: &str = "
    SELECT payment_id, event_seq, created_at
    FROM outbox_event WHERE published_at IS NULL AND payment_id BETWEEN ?1 AND ?2 ORDER BY payment_id, event_seq";

type Read<T> = fn(&Row<'_>) -> rusqlite::Result<T>;

/// One source's rows, payment by payment.
struct Source<'s, T> {
    rows: Rows<'s>,
    read: Read<T>,
    next: Option<(u64, T)>,
}

impl<'s, T> Source<'s, T> {
    fn new(statement: &'s mut Statement<'_>, range: [i64; 2], read: Read<T>) -> rusqlite::Result<Self> {
        let mut source = Self { rows: statement.query(range)?, read, next: None };
        source.advance()?;
        Ok(source)
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        self.next = match self.rows.next()? {
            Some(row) => Some((unsigned(row, 0)?, (self.read)(row)?)),
            None => None,
        };
        Ok(())
    }

    fn next_id(&self) -> Option<u64> {
        self.next.as_ref().map(|(id, _)| *id)
    }

    /// The rows of this payment, which is the next one or comes before it.
    fn take(&mut self, id: u64) -> rusqlite::Result<Vec<T>> {
        let mut taken = Vec::new();
        while self.next_id() == Some(id) {
            taken.extend(self.next.take().map(|(_, row)| row));
            self.advance()?;
        }
        Ok(taken)
    }
}

/// Shows each payment that any source names, lowest id first.
pub(super) fn dossiers(
    sources: &Sources<'_>,
    resolutions: &BTreeMap<u64, usize>,
    show: &mut dyn FnMut(&Dossier) -> Result<(), EvidenceError>,
) -> Result<(), EvidenceError> {
    let (store, range) = (sources.store, sources.range);
    let mut statements = [PAYMENTS, TRANSITIONS, ENTRIES, REQUESTS, LETTERS, UNPUBLISHED]
        .map(|sql| store.prepare(sql))
        .into_iter()
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let [payments, transitions, entries, requests, letters, unpublished] = statements.as_mut_slice() else {
        unreachable!("six queries give six statements")
    };
    let mut payments = Source::new(payments, range, payment)?;
    let mut transitions = Source::new(transitions, range, transition)?;
    let mut entries = Source::new(entries, range, entry)?;
    let mut requests = Source::new(requests, range, request)?;
    let mut letters = Source::new(letters, range, letter)?;
    let mut unpublished = Source::new(unpublished, range, outbox)?;
    let [mut events, mut strays, mut record] = sources.scratch.statements()?;
    let mut events = Source::new(&mut events, range, Scratch::event)?;
    let mut strays = Source::new(&mut strays, range, Scratch::stray)?;
    let mut record = Source::new(&mut record, range, Scratch::entry)?;
    loop {
        let ids = [
            payments.next_id(),
            transitions.next_id(),
            entries.next_id(),
            requests.next_id(),
            letters.next_id(),
            unpublished.next_id(),
            events.next_id(),
            strays.next_id(),
            record.next_id(),
        ];
        let Some(id) = ids.into_iter().flatten().min() else {
            return Ok(());
        };
        let pg: Vec<PgEntry> = record.take(id)?;
        let events: Vec<EventRow> = events.take(id)?;
        let strays: Vec<StrayRow> = strays.take(id)?;
        show(&Dossier {
            id,
            payment: payments.take(id)?.pop(),
            transitions: transitions.take(id)?,
            entries: entries.take(id)?,
            requests: requests.take(id)?,
            letters: letters.take(id)?,
            unpublished: unpublished.take(id)?,
            events,
            strays,
            lacks_events: !sources.sees_all_events,
            pg: sources.sees_the_pg.then_some(pg),
            audited_resolutions: resolutions.get(&id).copied().unwrap_or(0),
        })?;
    }
}

pub(super) fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(index)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, value))
}

pub(super) fn moment(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    row.get(index).map(Timestamp::from_micros)
}

fn payment(row: &Row<'_>) -> rusqlite::Result<PaymentRow> {
    let document: String = row.get(10)?;
    Ok(PaymentRow {
        merchant_id: row.get(1)?,
        amount: row.get(2)?,
        currency: row.get(3)?,
        status: row.get(4)?,
        version: row.get(5)?,
        captured: row.get(6)?,
        refunded: row.get(7)?,
        last_event_seq: row.get(8)?,
        due_at: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_micros),
        document: serde_json::from_str(&document).map_err(|error| error.to_string()),
    })
}

fn transition(row: &Row<'_>) -> rusqlite::Result<TransitionRow> {
    Ok(TransitionRow {
        version: row.get(1)?,
        from: row.get(2)?,
        to: row.get(3)?,
        cause: row.get(4)?,
        reason: row.get(5)?,
        operation_no: row.get(6)?,
        attempt: row.get(7)?,
        at: moment(row, 8)?,
    })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow {
        transaction_id: row.get(1)?,
        event_id: row.get(2)?,
        operation_no: row.get(3)?,
        side: row.get(4)?,
        account: row.get(5)?,
        amount: row.get(6)?,
        currency: row.get(7)?,
    })
}

fn request(row: &Row<'_>) -> rusqlite::Result<RequestRow> {
    Ok(RequestRow {
        operation_no: row.get(1)?,
        operation: row.get(2)?,
        amount: row.get(3)?,
        status: row.get(4)?,
        attempt: row.get(5)?,
    })
}

fn letter(row: &Row<'_>) -> rusqlite::Result<LetterRow> {
    Ok(LetterRow {
        id: row.get(1)?,
        topic: row.get(2)?,
        operation_no: row.get(3)?,
        error_type: row.get(4)?,
        status: row.get(5)?,
        created_at: moment(row, 6)?,
    })
}

fn outbox(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow { event_seq: row.get(1)?, created_at: moment(row, 2)? })
}
