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
use super::script::Script;
use super::session::Session;
use super::statements::Repeated;
use super::tries::Tries;

#[async_trait]
impl LedgerStore for MariaDbStore {
    async fn post(&self, movements: &[Movement], at: Timestamp) -> Result<Vec<PostOutcome>, StoreError> {
        if movements.is_empty() {
            return Ok(Vec::new());
        }
        if self.post_as_new(movements, at).await? {
            return Ok(vec![PostOutcome::Posted; movements.len()]);
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

impl MariaDbStore {
    /// Posts movements none of which is posted yet, of payments that are all known, which is nearly every call. Anything
    /// else is not posted, and has to be judged one by one.
    async fn post_as_new(&self, movements: &[Movement], at: Timestamp) -> Result<bool, StoreError> {
        let mut tries = Tries::new(&self.database);
        loop {
            let mut session = tries.writer().await?;
            match insert_of_known(&mut session, movements, at).await {
                Ok(true) => {
                    session.commit().await?;
                    return Ok(true);
                }
                Err(failure) if failure.meaning() != Meaning::Conflict => {
                    tries.after(session, failure).await?;
                }
                Ok(false) | Err(_) => {
                    if session.roll_back().await.is_ok() {
                        session.rest();
                    }
                    return Ok(false);
                }
            }
        }
    }
}

/// Begins a transaction and inserts all; says whether every payment is known.
async fn insert_of_known(
    session: &mut Session,
    movements: &[Movement],
    at: Timestamp,
) -> Result<bool, Failure> {
    let ids: BTreeSet<i64> = movements.iter().map(|movement| movement.payment_id.as_i64()).collect();
    let payments = ids.len();
    let mut script = Script::default();
    script.push("BEGIN; SELECT payment_id FROM payment WHERE payment_id IN ");
    script.numbers(ids);
    script.push("; ");
    write_entries(&mut script, movements, at);
    Ok(session.control(script.into_sql()).await?.len() == payments)
}

/// Posts what can be posted, after a look at what is there.
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
            new.push(movement);
        }
        outcomes.push(outcome);
    }
    if !new.is_empty() {
        let mut script = Script::default();
        write_entries(&mut script, new, at);
        session.control(script.into_sql()).await?;
    }
    Ok(outcomes)
}

static KNOWN: Repeated =
    Repeated::new("SELECT payment_id FROM payment WHERE payment_id IN (", "?", ", ", ")");

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
    "SELECT payment_id, operation_no, event_id, side, account, amount, currency FROM ledger_entry WHERE ",
    "payment_id = ? AND operation_no = ?",
    " OR ",
    "",
);
static POSTED_FOR_EVENT: Repeated = Repeated::new(
    "SELECT payment_id, operation_no, event_id, side, account, amount, currency FROM ledger_entry
         WHERE event_id IN (",
    "?",
    ", ",
    ")",
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

const INSERT: &str = "INSERT INTO ledger_entry (transaction_id, event_id, payment_id, operation_no, side, account, \
    amount, currency, posted_at) VALUES ";

fn write_entries<'m>(script: &mut Script, movements: impl IntoIterator<Item = &'m Movement>, at: Timestamp) {
    let sides = |movement: &'m Movement| {
        [(movement, Side::Debit, &movement.debit), (movement, Side::Credit, &movement.credit)]
    };
    let rows = movements.into_iter().flat_map(sides);
    script.insert(INSERT, rows, "", |script, (movement, side, account)| {
        script
            .text(&movement.transaction_id())
            .shown(&movement.event_id)
            .number(movement.payment_id.as_i64())
            .number(movement.operation_no.0)
            .text(side.as_str())
            .text(&account.0)
            .number(movement.amount.as_i64())
            .text(movement.currency.code())
            .number(at.as_micros());
    });
}

/// The rows of payments, whose ids follow in brackets.
pub(super) const ENTRIES: &str =
    "SELECT payment_id, entry_id, operation_no, side, account, amount FROM ledger_entry WHERE payment_id IN ";

/// The rows of those of some payments that money was captured of, whose ids follow in brackets. The other payments have
/// none, and looking for them would be one more page from the disk.
pub(super) const ENTRIES_OF_CAPTURED: &str = "
    SELECT STRAIGHT_JOIN payment_id, entry_id, operation_no, side, account, ledger_entry.amount
    FROM payment JOIN ledger_entry USING (payment_id) WHERE captured_amount > 0 AND payment_id IN ";

/// The movements of payments, oldest first, each out of its two rows.
pub(super) async fn entries(
    session: &mut Session,
    ids: &[PaymentId],
) -> Result<BTreeMap<PaymentId, Vec<LedgerEntry>>, Failure> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut script = Script::default();
    script.push(ENTRIES);
    script.numbers(ids.iter().map(|id| id.as_i64()));
    let mut rows: BTreeMap<PaymentId, Vec<MySqlRow>> = BTreeMap::new();
    for row in session.control(script.into_sql()).await? {
        rows.entry(payment_id(&row)?).or_default().push(row);
    }
    rows.into_iter().map(|(id, rows)| Ok((id, paired(&rows)?))).collect()
}

/// The movements of one payment, oldest first, out of its rows in any order.
pub(super) fn paired(rows: &[MySqlRow]) -> Result<Vec<LedgerEntry>, Failure> {
    let mut credits: BTreeMap<u32, String> = BTreeMap::new();
    let mut debits: BTreeMap<i64, (u32, &MySqlRow)> = BTreeMap::new();
    for row in rows {
        let operation_no: u32 = value(row, "operation_no")?;
        match parsed(row, "side", side)? {
            Side::Debit => {
                debits.insert(value(row, "entry_id")?, (operation_no, row));
            }
            Side::Credit => {
                credits.insert(operation_no, value(row, "account")?);
            }
        }
    }
    let mut entries = Vec::with_capacity(debits.len());
    for (operation_no, debit) in debits.into_values() {
        // The two are written by one statement.
        let credit = credits.remove(&operation_no);
        let credit = credit.ok_or_else(|| Failure::unreadable("side", "a debit without its credit"))?;
        let amount: i64 = value(debit, "amount")?;
        entries.push(LedgerEntry {
            debit_account: Account(value(debit, "account")?),
            credit_account: Account(credit),
            amount: Amount::try_from(amount).map_err(|_| Failure::unreadable("amount", amount))?,
        });
    }
    Ok(entries)
}
