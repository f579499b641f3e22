//! Payments and their movements by id, for many callers in one round trip.
//!
//! Owns how what was read is shared out. What cannot be understood is an error of those who asked for it and of nobody
//! else; a server that does not answer is one of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use payment_actors::ports::StoreError;
use payment_schema::ids::PaymentId;
use payment_schema::ledger::LedgerEntry;
use payment_schema::payment::Payment;
use sqlx::mysql::MySqlRow;

use super::columns::payment_id;
use super::database::Database;
use super::failure::Failure;
use super::script::Script;
use super::session::Session;
use super::tries::reading;
use super::{ledger, payments};
use crate::courier::Carrier;

/// How long questions wait for company under load.
pub(super) const COMPANY: Duration = Duration::from_millis(2);

/// Asks for payments.
pub(super) struct Reads {
    pub(super) database: Arc<Database>,
}

/// Somebody wants to know something of a payment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) id: PaymentId,
    pub(super) about: About,
}

/// What that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Payment,
    /// Its movements.
    Entries,
    /// The payment, and its movements if it was captured.
    Whole,
}

/// As much of it as was asked for.
pub(super) struct Found {
    pub(super) payment: Option<Payment>,
    pub(super) entries: Vec<LedgerEntry>,
}

impl Carrier for Reads {
    type Errand = Question;
    type Answer = Result<Found, StoreError>;

    async fn carry(&self, questions: Vec<Question>) -> Vec<Result<Found, StoreError>> {
        match self.rows(&questions).await {
            Ok(rows) => {
                questions.iter().map(|question| rows.answer(question).map_err(StoreError::from)).collect()
            }
            Err(error) => questions.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

impl Reads {
    async fn rows(&self, questions: &[Question]) -> Result<Rows, StoreError> {
        reading!(self, |session| read(session, questions))
    }
}

#[derive(Default)]
struct Rows {
    payments: BTreeMap<PaymentId, MySqlRow>,
    entries: BTreeMap<PaymentId, Vec<MySqlRow>>,
}

impl Rows {
    fn answer(&self, question: &Question) -> Result<Found, Failure> {
        let payment = || self.payments.get(&question.id).map(payments::read).transpose();
        let entries = || self.entries.get(&question.id).map_or(Ok(Vec::new()), |rows| ledger::paired(rows));
        Ok(match question.about {
            About::Payment => Found { payment: payment()?, entries: Vec::new() },
            About::Entries => Found { payment: None, entries: entries()? },
            About::Whole => Found { payment: payment()?, entries: entries()? },
        })
    }
}

/// Everything that was asked, in one round trip.
async fn read(session: &mut Session, questions: &[Question]) -> Result<Rows, Failure> {
    let ids = |about: &[About]| -> BTreeSet<PaymentId> {
        questions
            .iter()
            .filter(|question| about.contains(&question.about))
            .map(|question| question.id)
            .collect()
    };
    let payments = ids(&[About::Payment, About::Whole]);
    let (of_captured, of_any) = (ids(&[About::Whole]), ids(&[About::Entries]));
    let mut script = Script::default();
    for (head, ids) in
        [(PAYMENTS, &payments), (ledger::ENTRIES_OF_CAPTURED, &of_captured), (ledger::ENTRIES, &of_any)]
    {
        if !ids.is_empty() {
            script.push(head);
            script.numbers(ids.iter().map(|id| id.as_i64()));
            script.push("; ");
        }
    }
    let mut found = session.sets(script.into_sql()).await?.into_iter();
    let mut next = |ids: &BTreeSet<PaymentId>| if ids.is_empty() { None } else { found.next() };
    let mut rows = Rows::default();
    for row in next(&payments).unwrap_or_default() {
        rows.payments.insert(payment_id(&row)?, row);
    }
    let of_captured = rows_by_payment(next(&of_captured))?;
    rows.entries = rows_by_payment(next(&of_any))?;
    // Who asks for the movements alone sees what is there, whatever the payment's row says.
    for (id, of_payment) in of_captured {
        rows.entries.entry(id).or_insert(of_payment);
    }
    Ok(rows)
}

fn rows_by_payment(found: Option<Vec<MySqlRow>>) -> Result<BTreeMap<PaymentId, Vec<MySqlRow>>, Failure> {
    let mut rows: BTreeMap<PaymentId, Vec<MySqlRow>> = BTreeMap::new();
    for row in found.unwrap_or_default() {
        rows.entry(payment_id(&row)?).or_default().push(row);
    }
    Ok(rows)
}

const PAYMENTS: &str = "SELECT payment_id, document FROM payment WHERE payment_id IN ";
