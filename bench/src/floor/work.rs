//! What a measurement writes: the two transactions of authorizations, ready before the clock starts.

use payment_schema::time::Timestamp;

use crate::failure::Failure;
use crate::rows::{self, Course, Dialect, Life, Lives, Row, Table, Write};

/// One transaction: rows and what is done with them.
pub(super) type Transaction = Vec<(Write, Vec<Row>)>;

/// So many authorizations: accepted in one transaction, and answered in the next.
pub(super) struct Batch {
    pub(super) transactions: [Transaction; 2],
}

/// Rows that one authorization takes in both transactions.
pub(super) const ROWS: usize = 7;

/// Makes batches, each of payments of its own.
pub(super) struct Workshop {
    lives: Lives,
    dialect: Dialect,
    next: u64,
}

impl Workshop {
    pub(super) fn new(dialect: Dialect, run: &str) -> Self {
        Self { lives: Lives::new(1_000, run), dialect, next: 1 }
    }

    /// So many batches of so many authorizations.
    pub(super) fn batches(&mut self, count: usize, size: usize) -> Result<Vec<Batch>, Failure> {
        (0..count).map(|_| self.batch(size)).collect()
    }

    fn batch(&mut self, size: usize) -> Result<Batch, Failure> {
        let mut lives = Vec::with_capacity(size);
        for _ in 0..size {
            let begun = Timestamp::from_micros(1_700_000_000_000_000 + i64::try_from(self.next).unwrap_or(0));
            lives.push(self.lives.of(self.next, begun, Course::Authorized)?);
            self.next += 1;
        }
        Ok(Batch { transactions: [self.accept(&lives), self.answer(&lives)] })
    }

    fn accept(&self, lives: &[Life]) -> Transaction {
        let first = |life: &Life| self.payment(life, 0);
        vec![
            (Write::Insert(Table::Payment), lives.iter().map(first).collect()),
            (Write::Insert(Table::Transition), transitions(lives, 0)),
            (Write::Insert(Table::Key), by_key(lives.iter().filter_map(rows::key).collect())),
        ]
    }

    fn answer(&self, lives: &[Life]) -> Transaction {
        let second = |life: &Life| self.payment(life, 1);
        let events = lives.iter().flat_map(|life| rows::outbox(&life.steps[1], self.dialect, None)).collect();
        vec![
            (Write::MovePayment, lives.iter().map(second).collect()),
            (Write::Insert(Table::Transition), transitions(lives, 1)),
            (Write::Insert(Table::Answer), lives.iter().filter_map(rows::answer).collect()),
            (Write::Insert(Table::Outbox), events),
        ]
    }

    fn payment(&self, life: &Life, step: usize) -> Row {
        let step = &life.steps[step];
        let payment = &step.decision.payment;
        let due = payment.due(payment.updated_at, self.lives.rules());
        rows::payment(step, self.dialect, due.map(|due| (due.at, due.kind.as_str())))
    }
}

fn transitions(lives: &[Life], step: usize) -> Vec<Row> {
    lives.iter().flat_map(|life| rows::transitions(&life.steps[step])).collect()
}

/// In the order of their index, so that connections wait for each other instead of getting entangled.
fn by_key(mut keys: Vec<Row>) -> Vec<Row> {
    keys.sort_by_cached_key(|row| row.iter().take(1).map(|cell| format!("{cell:?}")).collect::<Vec<_>>());
    keys
}

#[cfg(test)]
mod tests {
    use super::{ROWS, Workshop};
    use crate::rows::Dialect;

    #[test]
    fn an_authorization_takes_its_rows_in_two_transactions() {
        let mut workshop = Workshop::new(Dialect::MariaDb, "run");
        let batches = workshop.batches(3, 5).expect("batches");
        assert_eq!(batches.len(), 3);
        for batch in &batches {
            let rows: usize = batch.transactions.iter().flatten().map(|(_, rows)| rows.len()).sum();
            assert_eq!(rows, ROWS * 5);
        }
        assert_eq!(workshop.next, 16);
    }
}
