//! [`LedgerStore`] on MariaDB.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::ledger_store::{LedgerStore, PostOutcome};
use payment_schema::ids::{EventId, OperationNo, PaymentId};
use payment_schema::ledger::{Account, LedgerEntry, Movement, Side};
use payment_schema::money::Amount;
use payment_schema::time::Timestamp;
use sqlx::mysql::MySqlRow;

use super::MariaDbStore;
use super::columns::{event_id, parsed, payment_id, value};
use super::failure::{Failure, Meaning};
use super::session::Session;
use super::statements::{List, MOST, Repeated, Statement};
use super::tries::Tries;

#[async_trait]
impl LedgerStore for MariaDbStore {
    async fn post(&self, movements: &[Movement], at: Timestamp) -> Result<Vec<PostOutcome>, StoreError> {
        if movements.is_empty() {
            return Ok(Vec::new());
        }
        let mut tries = Tries::new(&self.database);
        loop {
            let (mut session, _) = tries.begin("BEGIN").await?;
            match post(&mut session, movements, at).await {
                Ok(outcomes) => {
                    session.commit().await?;
                    return Ok(outcomes);
                }
                Err(failure) if failure.meaning() == Meaning::Conflict => {
                    // Another consumer posts the same; once it has committed, this one reads what is there.
                    if session.roll_back().await.is_ok() {
                        session.rest();
                    }
                    tries.again(failure.into()).await?;
                }
                Err(failure) => tries.after(session, failure).await?,
            }
        }
    }
}

async fn post(
    session: &mut Session,
    movements: &[Movement],
    at: Timestamp,
) -> Result<Vec<PostOutcome>, Failure> {
    let payments = known_payments(session, movements).await?;
    let mut posted = Posted::read(session, movements).await?;
    let mut new = Vec::new();
    let mut outcomes = Vec::with_capacity(movements.len());
    for movement in movements {
        let outcome = if payments.contains(&movement.payment_id) {
            posted.judge(movement)
        } else {
            PostOutcome::UnknownPayment
        };
        if outcome == PostOutcome::Posted {
            posted.note(movement);
            new.extend([(movement, Side::Debit), (movement, Side::Credit)]);
        }
        outcomes.push(outcome);
    }
    insert(session, &new, at).await?;
    Ok(outcomes)
}

static KNOWN: Repeated =
    Repeated::new(&[List::new("SELECT payment_id FROM payment WHERE payment_id IN (", "?", ", ")], ")", MOST);

async fn known_payments(
    session: &mut Session,
    movements: &[Movement],
) -> Result<BTreeSet<PaymentId>, Failure> {
    let mut known = BTreeSet::new();
    for (statement, piece) in KNOWN.lists(movements) {
        let statement =
            piece.fold(statement, |statement, movement| statement.bind(movement.payment_id.as_i64()));
        for row in session.rows(statement).await? {
            known.insert(payment_id(&row)?);
        }
    }
    Ok(known)
}

/// One movement as its rows tell it: without the two sides, which have to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    payment_id: PaymentId,
    operation_no: OperationNo,
    event_id: EventId,
    amount: i64,
    currency: String,
    debit: Option<String>,
    credit: Option<String>,
}

impl Facts {
    fn of(movement: &Movement) -> Self {
        Self {
            payment_id: movement.payment_id,
            operation_no: movement.operation_no,
            event_id: movement.event_id,
            amount: movement.amount.as_i64(),
            currency: movement.currency.code().to_owned(),
            debit: Some(movement.debit.0.clone()),
            credit: Some(movement.credit.0.clone()),
        }
    }

    fn read(row: &MySqlRow) -> Result<Self, Failure> {
        let account: String = value(row, "account")?;
        let (debit, credit) = match parsed(row, "side", side)? {
            Side::Debit => (Some(account), None),
            Side::Credit => (None, Some(account)),
        };
        Ok(Self {
            payment_id: payment_id(row)?,
            operation_no: OperationNo(value(row, "operation_no")?),
            event_id: event_id(row)?,
            amount: value(row, "amount")?,
            currency: value(row, "currency")?,
            debit,
            credit,
        })
    }
}

fn side(name: &str) -> Option<Side> {
    [Side::Debit, Side::Credit].into_iter().find(|side| side.as_str() == name)
}

static POSTED: Repeated = Repeated::new(
    &[List::new(
        "SELECT payment_id, operation_no, event_id, side, account, amount, currency FROM ledger_entry WHERE ",
        "payment_id = ? AND operation_no = ?",
        " OR ",
    )],
    "",
    MOST,
);
static POSTED_FOR_EVENT: Repeated = Repeated::new(
    &[List::new(
        "SELECT payment_id, operation_no, event_id, side, account, amount, currency FROM ledger_entry
         WHERE event_id IN (",
        "?",
        ", ",
    )],
    ")",
    MOST,
);

/// What the ledger holds for some operations and events.
#[derive(Default)]
struct Posted {
    by_operation: BTreeMap<(PaymentId, OperationNo), Facts>,
    by_event: BTreeMap<EventId, Facts>,
}

impl Posted {
    async fn read(session: &mut Session, movements: &[Movement]) -> Result<Self, Failure> {
        let mut posted = Self::default();
        for (statement, piece) in POSTED.lists(movements) {
            let statement = piece.fold(statement, |statement, movement| {
                statement.bind(movement.payment_id.as_i64()).bind(movement.operation_no.0)
            });
            for row in session.rows(statement).await? {
                posted.add(&Facts::read(&row)?);
            }
        }
        for (statement, piece) in POSTED_FOR_EVENT.lists(movements) {
            let statement =
                piece.fold(statement, |statement, movement| statement.bind(movement.event_id.to_string()));
            for row in session.rows(statement).await? {
                posted.add(&Facts::read(&row)?);
            }
        }
        Ok(posted)
    }

    /// Takes in one row. The two rows of a movement differ in their side alone, as they were written.
    fn add(&mut self, half: &Facts) {
        let merge = |known: &mut Facts| {
            known.debit = known.debit.take().or_else(|| half.debit.clone());
            known.credit = known.credit.take().or_else(|| half.credit.clone());
        };
        let operation = (half.payment_id, half.operation_no);
        self.by_operation.entry(operation).and_modify(merge).or_insert_with(|| half.clone());
        self.by_event.entry(half.event_id).and_modify(merge).or_insert_with(|| half.clone());
    }

    fn note(&mut self, movement: &Movement) {
        self.add(&Facts::of(movement));
    }

    fn judge(&self, movement: &Movement) -> PostOutcome {
        let operation = self.by_operation.get(&(movement.payment_id, movement.operation_no));
        let event = self.by_event.get(&movement.event_id);
        let wanted = Facts::of(movement);
        match (operation, event) {
            (None, None) => PostOutcome::Posted,
            (Some(operation), Some(event)) if *operation == wanted && *event == wanted => {
                PostOutcome::AlreadyPosted
            }
            (Some(_) | None, Some(_) | None) => PostOutcome::Contradiction,
        }
    }
}

static INSERT: Repeated = Repeated::new(
    &[List::new(
        "INSERT INTO ledger_entry (transaction_id, event_id, payment_id, operation_no, side, account, amount,
            currency, posted_at) VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ", ",
    )],
    "",
    MOST,
);

async fn insert(session: &mut Session, rows: &[(&Movement, Side)], at: Timestamp) -> Result<(), Failure> {
    let bind = |statement: Statement, (movement, side): &(&Movement, Side)| {
        let account = match side {
            Side::Debit => &movement.debit,
            Side::Credit => &movement.credit,
        };
        statement
            .bind(movement.transaction_id())
            .bind(movement.event_id.to_string())
            .bind(movement.payment_id.as_i64())
            .bind(movement.operation_no.0)
            .bind(side.as_str())
            .bind(account.0.clone())
            .bind(movement.amount.as_i64())
            .bind(movement.currency.code())
            .bind(at.as_micros())
    };
    INSERT.run(session, rows, bind).await.map(|_| ())
}

static ENTRIES: Repeated = Repeated::new(
    &[List::new(
        "SELECT debit.payment_id, debit.account AS debit_account, credit.account AS credit_account, debit.amount
         FROM ledger_entry debit JOIN ledger_entry credit ON credit.payment_id = debit.payment_id
             AND credit.operation_no = debit.operation_no AND credit.side = 'credit'
         WHERE debit.side = 'debit' AND debit.payment_id IN (",
        "?",
        ", ",
    )],
    ") ORDER BY debit.entry_id",
    MOST,
);

/// The movements of payments, oldest first, each out of its two rows.
pub(super) async fn entries(
    session: &mut Session,
    ids: &[PaymentId],
) -> Result<BTreeMap<PaymentId, Vec<LedgerEntry>>, Failure> {
    let mut entries: BTreeMap<PaymentId, Vec<LedgerEntry>> = BTreeMap::new();
    for (statement, piece) in ENTRIES.lists(ids) {
        let statement = piece.fold(statement, |statement, id| statement.bind(id.as_i64()));
        for row in session.rows(statement).await? {
            let amount: i64 = value(&row, "amount")?;
            entries.entry(payment_id(&row)?).or_default().push(LedgerEntry {
                debit_account: Account(value(&row, "debit_account")?),
                credit_account: Account(value(&row, "credit_account")?),
                amount: Amount::try_from(amount).map_err(|_| Failure::unreadable("amount", amount))?,
            });
        }
    }
    Ok(entries)
}
