//! [`JournalStore`] on MariaDB.

use std::fmt::Write as _;
use std::ops::Range;

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::journal_store::{Append, AppendOutcome, CommitMark, JournalStore};
use payment_schema::ids::{PaymentId, Slot, Version};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::MariaDbStore;
use super::append::{Entry, Holdings, Plan, Round};
use super::columns::{payment_id, signed, unsigned, value};
use super::failure::{Failure, Meaning};
use super::script::Script;
use super::session::Session;
use super::statements::Repeated;
use super::tries::{Tries, repeatable};
use super::{keys, letters, writes};

#[async_trait]
impl JournalStore for MariaDbStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<AppendOutcome>, StoreError> {
        let mut plan = Plan::new(batch);
        let mut tries = Tries::new(&self.database);
        while let Some(round) = plan.round() {
            let mut session = tries.writer().await?;
            match write(&mut session, &plan, &round).await {
                Ok(()) => {
                    session.commit().await?;
                    plan.committed(&round);
                }
                Err(failure) if failure.meaning() == Meaning::Conflict => {
                    match holdings(&mut session, &plan, &round).await {
                        Ok(holdings) => {
                            session.rest();
                            if !plan.take_out(&round, &holdings) {
                                // Whoever stood in the way has not committed, or never will.
                                tries.again(failure.into()).await?;
                            }
                        }
                        Err(failure) => tries.after(session, failure).await?,
                    }
                }
                Err(failure) => tries.after(session, failure).await?,
            }
        }
        Ok(plan.outcomes())
    }

    async fn committed(&self, marks: &[CommitMark]) -> Result<Vec<bool>, StoreError> {
        repeatable!(self, |session| are_committed(session, marks))
    }

    async fn reserve_sequences(&self, _slot: Slot, count: u64) -> Result<Range<u64>, StoreError> {
        // A block whose answer is lost is a gap.
        repeatable!(self, |session| reserve(session, count))
    }
}

/// All rows of an append are at most so many times as long as its document, or nearly.
const ROWS_TO_DOCUMENT: usize = 3;

/// Writes a round in a transaction that it begins and does not end. The primary key of the transitions stops changes
/// that were decided on an old version; of changes without a transition the versions are looked at before.
async fn write(session: &mut Session, plan: &Plan<'_>, round: &Round) -> Result<(), Failure> {
    let entries: Vec<&Entry<'_>> = round.written.iter().map(|place| &plan.entries[*place]).collect();
    let documents: usize = entries.iter().map(|entry| entry.document.len()).sum();
    let mut script = Script::with_room(documents * ROWS_TO_DOCUMENT);
    let fence_stops_all = entries.iter().all(|entry| !entry.append.transitions.is_empty());
    if fence_stops_all {
        script.push("BEGIN; ");
    } else {
        let versions = session.control(opening(plan, round)).await?;
        all_there(&entries, &versions)?;
    }
    writes::script(&mut script, &entries);
    if !script.is_empty() {
        let read = session.control(script.into_sql()).await?;
        if fence_stops_all && !writes::all_were_there(&entries, &read)? {
            return Err(Failure::Moved);
        }
    }
    writes::write_letters(session, &entries).await
}

/// Begins the transaction, and in the same round trip locks the payments that are to be moved and reads where they
/// are; for changes without a step, which no fence stops. In the order of their ids, so that transactions which want
/// the same ones wait for each other.
fn opening(plan: &Plan<'_>, round: &Round) -> impl SqlSafeStr {
    let mut text = "BEGIN".to_owned();
    let mut before = "; SELECT payment_id, version FROM payment WHERE payment_id IN (";
    for id in round.moved(plan) {
        write!(text, "{before}{}", id.get()).expect("a string takes everything");
        before = ", ";
    }
    if text.len() > "BEGIN".len() {
        text.push_str(") ORDER BY payment_id FOR UPDATE");
    }
    // Nothing but numbers was put in.
    AssertSqlSafe(text)
}

/// Whether every payment is at the version that its change was decided on.
fn all_there(entries: &[&Entry<'_>], versions: &[MySqlRow]) -> Result<(), Failure> {
    let versions = versions.iter().map(read_version).collect::<Result<Vec<_>, _>>()?;
    let expected = entries.iter().filter(|entry| !entry.is_new());
    let all_there = expected.map(|entry| (entry.append.payment.id, entry.append.expected)).all(|expected| {
        versions.binary_search_by_key(&expected.0, |found| found.0).is_ok_and(|at| versions[at] == expected)
    });
    if all_there { Ok(()) } else { Err(Failure::Moved) }
}

fn read_version(row: &MySqlRow) -> Result<(PaymentId, Version), Failure> {
    Ok((payment_id(row)?, Version(unsigned(row, "version")?)))
}

static VERSIONS: Repeated =
    Repeated::new("SELECT payment_id, version FROM payment WHERE payment_id IN (", "?", ", ", ")");

/// Undoes the transaction and reads what its appends may have collided with.
async fn holdings<'b>(
    session: &mut Session,
    plan: &Plan<'b>,
    round: &Round,
) -> Result<Holdings<'b>, Failure> {
    session.roll_back().await?;
    let entries: Vec<&Entry<'b>> = round.written.iter().map(|place| &plan.entries[*place]).collect();
    let mut holdings = Holdings::default();
    for (statement, piece) in VERSIONS.lists(&entries) {
        let statement =
            piece.fold(statement, |statement, entry| statement.bind(entry.append.payment.id.as_i64()));
        for row in session.rows(statement).await? {
            holdings.versions.extend([read_version(&row)?]);
        }
    }
    let claims: Vec<_> = entries.iter().filter_map(|entry| entry.claim().map(|(key, _)| key)).collect();
    holdings.keys = keys::find_all(session, &claims).await?;
    Ok(holdings)
}

async fn are_committed(session: &mut Session, marks: &[CommitMark]) -> Result<Vec<bool>, Failure> {
    let mut found = Vec::with_capacity(marks.len());
    for mark in marks {
        found.push(is_committed(session, mark).await?);
    }
    Ok(found)
}

/// Reads with locks: a transaction that wrote its rows and has not ended, because its commit is held back or is
/// still on its way, is waited for instead of being taken for one that never was.
async fn is_committed(session: &mut Session, mark: &CommitMark) -> Result<bool, Failure> {
    const TOKEN: &str =
        "SELECT token FROM payment_transition WHERE payment_id = ? AND version = ? LOCK IN SHARE MODE";
    let statement = sqlx::query(TOKEN).bind(mark.payment_id.as_i64()).bind(signed(mark.version.0));
    let row = session.row(statement).await?;
    let token: Option<i64> = row.map(|row| value(&row, "token")).transpose()?;
    if token == Some(mark.token.cast_signed()) {
        return Ok(true);
    }
    if let Some((merchant_id, key)) = &mark.key {
        let taken = keys::find_settled(session, merchant_id, key).await?;
        return Ok(taken.is_some_and(|taken| taken.is_of(mark.payment_id, mark.token)));
    }
    match &mark.letter_id {
        // With a transition its token has decided; a letter's id alone may be another writer's.
        Some(id) if mark.operation_no.is_none() => letters::is_settled(session, id).await,
        Some(_) | None => Ok(false),
    }
}

async fn reserve(session: &mut Session, count: u64) -> Result<Range<u64>, Failure> {
    // The new value comes back with the acknowledgement.
    const SQL: &str = "
        UPDATE payment_sequence SET next_sequence = LAST_INSERT_ID(next_sequence + ?) WHERE only_row = 1";
    let done = session.run(sqlx::query(SQL).bind(signed(count))).await?;
    if done.rows_affected() == 0 {
        return Err(Failure::unreadable("next_sequence", "nothing"));
    }
    let end = done.last_insert_id();
    Ok(end - count..end)
}
