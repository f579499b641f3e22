//! The rows of some payments.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use payment_schema::time::Timestamp;
use payment_schema::topic::Topic;

use crate::failure::Failure;
use crate::rows::{self, Course, Dialect, Life, Lives, Row, Step, Table};

/// What is written.
pub(super) struct Plan {
    pub(super) lives: Lives,
    /// How payments end, in turn.
    pub(super) courses: Vec<Course>,
    pub(super) dialect: Dialect,
    /// Whether published events are left in the outbox and in the embedded event log.
    pub(super) with_events: bool,
    /// The first sequence number, and when its payment begins.
    pub(super) first: u64,
    pub(super) begun: Timestamp,
    /// How far payments are apart.
    pub(super) apart: Duration,
}

/// One record of the embedded event log, without its offset.
pub(super) struct LogRecord {
    pub(super) topic: Topic,
    pub(super) key: String,
    pub(super) headers: String,
    pub(super) value: String,
    pub(super) at: i64,
}

/// Rows of some payments, by table.
pub(super) struct Chunk {
    pub(super) rows: BTreeMap<Table, Vec<Row>>,
    pub(super) log: Vec<LogRecord>,
    pub(super) payments: u64,
}

impl Plan {
    /// The rows of the payments with these sequence numbers.
    pub(super) fn chunk(&self, sequences: Range<u64>) -> Result<Chunk, Failure> {
        let payments = sequences.end - sequences.start;
        let mut chunk = Chunk { rows: BTreeMap::new(), log: Vec::new(), payments };
        for sequence in sequences {
            let place = usize::try_from(sequence % self.courses.len() as u64).expect("a remainder is small");
            let since = self.apart.saturating_mul(u32::try_from(sequence - self.first).unwrap_or(u32::MAX));
            let life = self.lives.of(sequence, self.begun.plus(since), self.courses[place])?;
            self.add(&life, &mut chunk);
        }
        Ok(chunk)
    }

    fn add(&self, life: &Life, chunk: &mut Chunk) {
        let Some(last) = life.steps.last() else { return };
        let payment = &last.decision.payment;
        let due = payment.due(payment.updated_at, self.lives.rules());
        let row = rows::payment(last, self.dialect, due.map(|due| (due.at, due.kind.as_str())));
        let mut put = |table, row| chunk.rows.entry(table).or_default().push(row);
        put(Table::Payment, row);
        rows::key(life).into_iter().for_each(|row| put(Table::Key, row));
        rows::answer(life).into_iter().for_each(|row| put(Table::Answer, row));
        rows::requests(payment).for_each(|(table, row)| put(table, row));
        for step in &life.steps {
            rows::transitions(step).for_each(|row| put(Table::Transition, row));
            rows::ledger(step).for_each(|row| put(Table::Ledger, row));
            if self.with_events {
                rows::outbox(step, self.dialect, Some(payment.updated_at))
                    .for_each(|row| put(Table::Outbox, row));
            }
        }
        if self.with_events && self.dialect == Dialect::Sqlite {
            chunk.log.extend(life.steps.iter().flat_map(log_records));
        }
    }
}

fn log_records(step: &Step) -> impl Iterator<Item = LogRecord> {
    step.decision.events.iter().map(|event| LogRecord {
        topic: event.kind.topic(),
        key: event.payment_id.to_string(),
        headers: rows::headers(step, event),
        value: rows::payload(event),
        at: event.occurred_at.as_micros(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use payment_schema::time::Timestamp;

    use super::Plan;
    use crate::rows::{Course, Dialect, Lives, Table};

    fn count(with_events: bool, dialect: Dialect) -> (Vec<(Table, usize)>, usize) {
        let plan = Plan {
            lives: Lives::new(10, "run"),
            courses: vec![Course::Captured, Course::Refunded, Course::Cancelled, Course::Declined],
            dialect,
            with_events,
            first: 1,
            begun: Timestamp::from_micros(1_700_000_000_000_000),
            apart: Duration::from_millis(1),
        };
        let chunk = plan.chunk(1..9).expect("a chunk");
        assert_eq!(chunk.payments, 8);
        (chunk.rows.iter().map(|(table, rows)| (*table, rows.len())).collect(), chunk.log.len())
    }

    #[test]
    fn payments_leave_the_rows_of_their_course() {
        let mut wanted = vec![
            (Table::Payment, 8),
            (Table::Transition, 32),
            (Table::Key, 8),
            (Table::Answer, 8),
            (Table::Settlement, 4),
            (Table::Refund, 4),
            (Table::Ledger, 12),
        ];
        assert_eq!(count(false, Dialect::Sqlite), (wanted.clone(), 0));
        wanted.insert(6, (Table::Outbox, 22));
        assert_eq!(count(true, Dialect::MariaDb), (wanted.clone(), 0));
        assert_eq!(count(true, Dialect::Sqlite), (wanted, 22));
    }
}
