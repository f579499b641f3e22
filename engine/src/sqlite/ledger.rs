//! [`LedgerStore`] on SQLite.

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::ledger_store::{LedgerStore, PostOutcome};
use payment_schema::ids::PaymentId;
use payment_schema::ledger::{Account, LedgerEntry, Movement, Side};
use payment_schema::money::Amount;
use payment_schema::time::Timestamp;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::failure::Failure;

#[async_trait]
impl LedgerStore for SqliteStore {
    async fn post(&self, movements: &[Movement], at: Timestamp) -> Result<Vec<PostOutcome>, StoreError> {
        let movements = movements.to_vec();
        self.database
            .write(move |session| {
                movements.iter().map(|movement| post(session.connection, movement, at)).collect()
            })
            .await
    }
}

fn post(connection: &Connection, movement: &Movement, at: Timestamp) -> Result<PostOutcome, Failure> {
    let known = connection
        .prepare_cached("SELECT 1 FROM payment WHERE payment_id = ?1")?
        .exists([movement.payment_id.as_i64()])?;
    if !known {
        return Ok(PostOutcome::UnknownPayment);
    }
    match posted_before(connection, movement)? {
        Earlier::Nothing => {}
        Earlier::Same => return Ok(PostOutcome::AlreadyPosted),
        Earlier::Other => return Ok(PostOutcome::Contradiction),
    }
    insert(connection, movement, Side::Debit, at)?;
    insert(connection, movement, Side::Credit, at)?;
    Ok(PostOutcome::Posted)
}

/// What the ledger holds for a movement's operation or event.
enum Earlier {
    Nothing,
    Same,
    Other,
}

fn posted_before(connection: &Connection, movement: &Movement) -> Result<Earlier, Failure> {
    // Each half of the union is served by its own unique index.
    const SQL: &str = "
        SELECT payment_id = ?1 AND operation_no = ?2 AND event_id = ?3 AND amount = ?4 AND currency = ?5
            AND account = CASE side WHEN 'debit' THEN ?6 ELSE ?7 END
        FROM (SELECT * FROM ledger_entry WHERE payment_id = ?1 AND operation_no = ?2
              UNION ALL SELECT * FROM ledger_entry WHERE event_id = ?3)";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query(params![
        movement.payment_id.as_i64(),
        movement.operation_no.0,
        movement.event_id.to_string(),
        movement.amount.as_i64(),
        movement.currency.code(),
        movement.debit.0,
        movement.credit.0,
    ])?;
    let mut earlier = Earlier::Nothing;
    while let Some(row) = rows.next()? {
        if !row.get::<_, bool>(0)? {
            return Ok(Earlier::Other);
        }
        earlier = Earlier::Same;
    }
    Ok(earlier)
}

fn insert(connection: &Connection, movement: &Movement, side: Side, at: Timestamp) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO ledger_entry (transaction_id, event_id, payment_id, operation_no, side, account, amount,
            currency, posted_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let account = match side {
        Side::Debit => &movement.debit,
        Side::Credit => &movement.credit,
    };
    connection.prepare_cached(SQL)?.execute(params![
        movement.transaction_id(),
        movement.event_id.to_string(),
        movement.payment_id.as_i64(),
        movement.operation_no.0,
        side.as_str(),
        account.0,
        movement.amount.as_i64(),
        movement.currency.code(),
        at.as_micros(),
    ])?;
    Ok(())
}

/// A payment's movements, oldest first, each out of its two rows.
pub(super) fn entries(connection: &Connection, id: PaymentId) -> Result<Vec<LedgerEntry>, Failure> {
    const SQL: &str = "
        SELECT debit.account, credit.account, debit.amount FROM ledger_entry debit
        JOIN ledger_entry credit ON credit.payment_id = debit.payment_id
            AND credit.operation_no = debit.operation_no AND credit.side = 'credit'
        WHERE debit.payment_id = ?1 AND debit.side = 'debit' ORDER BY debit.entry_id";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([id.as_i64()])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let amount: i64 = row.get(2)?;
        entries.push(LedgerEntry {
            debit_account: Account(row.get(0)?),
            credit_account: Account(row.get(1)?),
            amount: Amount::try_from(amount).map_err(|_| Failure::unreadable("amount", amount))?,
        });
    }
    Ok(entries)
}
