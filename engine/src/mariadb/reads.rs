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

/// What somebody wants to know of a payment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) id: PaymentId,
    pub(super) payment: bool,
    pub(super) entries: bool,
}

/// As much of it as was asked for.
#[derive(Default)]
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
        let mut found = Found::default();
        if question.payment {
            found.payment = self.payments.get(&question.id).map(payments::read).transpose()?;
        }
        if question.entries {
            found.entries =
                self.entries.get(&question.id).map_or(Ok(Vec::new()), |rows| ledger::paired(rows))?;
        }
        Ok(found)
    }
}

async fn read(session: &mut Session, questions: &[Question]) -> Result<Rows, Failure> {
    let ids = |wanted: fn(&Question) -> bool| -> BTreeSet<PaymentId> {
        questions.iter().filter(|question| wanted(question)).map(|question| question.id).collect()
    };
    let (payments, entries) = (ids(|question| question.payment), ids(|question| question.entries));
    let mut script = Script::default();
    for (head, ids) in [(PAYMENTS, &payments), (ledger::ENTRIES, &entries)] {
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
    for row in next(&entries).unwrap_or_default() {
        rows.entries.entry(payment_id(&row)?).or_default().push(row);
    }
    Ok(rows)
}

const PAYMENTS: &str = "SELECT payment_id, document FROM payment WHERE payment_id IN ";
