//! Taken idempotency keys and their answers.

use std::collections::BTreeMap;

use payment_actors::ports::journal_store::{Append, KeyClaim, KeyRecord};
use payment_schema::fingerprint::Fingerprint;
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;
use sqlx::mysql::MySqlRow;

use super::append::{Entry, FullKey};
use super::columns::{payment_id, value};
use super::failure::Failure;
use super::session::Session;
use super::statements::{List, MOST, Repeated, Statement};

/// A key's row.
pub(super) struct TakenKey {
    pub(super) record: KeyRecord,
    token: u64,
}

impl TakenKey {
    /// Whether the append with this token took it.
    pub(super) fn is_of(&self, payment_id: PaymentId, token: u64) -> bool {
        self.record.payment_id == payment_id && self.token == token
    }
}

static FIND: Repeated = Repeated::new(
    &[List::new(
        "SELECT merchant_id, idem_key, fingerprint, payment_id, operation, token, status_code, body
         FROM idem_response_cache WHERE ",
        "merchant_id = ? AND idem_key = ?",
        " OR ",
    )],
    "",
    MOST,
);

/// The same, waiting for whoever is about to take the key.
const FIND_SETTLED: &str = "
    SELECT merchant_id, idem_key, fingerprint, payment_id, operation, token, status_code, body
    FROM idem_response_cache WHERE merchant_id = ? AND idem_key = ? LOCK IN SHARE MODE";

/// Who took the key.
pub(super) async fn find(
    session: &mut Session,
    merchant_id: &MerchantId,
    key: &IdempotencyKey,
) -> Result<Option<TakenKey>, Failure> {
    Ok(find_all(session, &[(merchant_id, key)]).await?.into_values().next())
}

/// Who took these keys.
pub(super) async fn find_all<'k>(
    session: &mut Session,
    keys: &[FullKey<'k>],
) -> Result<BTreeMap<FullKey<'k>, TakenKey>, Failure> {
    let mut taken = BTreeMap::new();
    for (statement, piece) in FIND.lists(keys) {
        let statement = piece.fold(statement, |statement, (merchant_id, key)| {
            statement.bind(merchant_id.as_str().to_owned()).bind(key.as_str().to_owned())
        });
        for row in session.rows(statement).await? {
            let (merchant_id, key): (&str, &str) = (value(&row, "merchant_id")?, value(&row, "idem_key")?);
            let asked =
                keys.iter().find(|(merchant, name)| merchant.as_str() == merchant_id && name.as_str() == key);
            if let Some(asked) = asked {
                taken.insert(*asked, read(&row)?);
            }
        }
    }
    Ok(taken)
}

/// Who took the key, once nobody is in the middle of taking it.
pub(super) async fn find_settled(
    session: &mut Session,
    merchant_id: &MerchantId,
    key: &IdempotencyKey,
) -> Result<Option<TakenKey>, Failure> {
    let statement = sqlx::query(FIND_SETTLED).bind(merchant_id.as_str().to_owned());
    let row = session.row(statement.bind(key.as_str().to_owned())).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &MySqlRow) -> Result<TakenKey, Failure> {
    let status: Option<u16> = value(row, "status_code")?;
    let body: Option<Vec<u8>> = value(row, "body")?;
    let fingerprint: &[u8] = value(row, "fingerprint")?;
    let fingerprint = fingerprint.try_into();
    let token: i64 = value(row, "token")?;
    Ok(TakenKey {
        record: KeyRecord {
            fingerprint: Fingerprint(
                fingerprint.map_err(|_| Failure::unreadable("fingerprint", "too few bytes"))?,
            ),
            payment_id: payment_id(row)?,
            operation: value(row, "operation")?,
            answer: status.zip(body).map(|(status, body)| Answer { status, body }),
        },
        token: token.cast_unsigned(),
    })
}

static TAKE: Repeated = Repeated::new(
    &[List::new(
        "INSERT INTO idem_response_cache (merchant_id, idem_key, fingerprint, payment_id, operation, token) VALUES ",
        "(?, ?, ?, ?, ?, ?)",
        ", ",
    )],
    "",
    MOST,
);

type Claim<'e> = (FullKey<'e>, &'e KeyClaim, &'e Append);

/// Takes the keys of these appends. In the order of the keys, so that transactions which want the same ones wait for
/// each other instead of getting entangled.
pub(super) async fn take(session: &mut Session, entries: &[&Entry<'_>]) -> Result<(), Failure> {
    let open = entries.iter().filter(|entry| !entry.has_key);
    let mut claims: Vec<Claim<'_>> =
        open.filter_map(|entry| entry.claim().map(|(key, claim)| (key, claim, entry.append))).collect();
    claims.sort_unstable_by_key(|(key, _, _)| *key);
    TAKE.run(session, &claims, bind_claim).await.map(|_| ())
}

fn bind_claim(statement: Statement, ((merchant_id, key), claim, append): &Claim<'_>) -> Statement {
    statement
        .bind(merchant_id.as_str().to_owned())
        .bind(key.as_str().to_owned())
        .bind(claim.fingerprint.0.to_vec())
        .bind(append.payment.id.as_i64())
        .bind(claim.operation)
        .bind(append.token.cast_signed())
}

/// Compares each row with each answer, so there are not too many in one statement.
static ANSWER: Repeated = Repeated::new(
    &[
        List::new(
            "UPDATE idem_response_cache SET body = CASE ",
            "WHEN merchant_id = ? AND idem_key = ? THEN ?",
            " ",
        ),
        List::new(" END, status_code = CASE ", "WHEN merchant_id = ? AND idem_key = ? THEN ?", " "),
        List::new(" END WHERE status_code IS NULL AND (", "merchant_id = ? AND idem_key = ?", " OR "),
    ],
    ")",
    32,
);

type Answered<'e> = (FullKey<'e>, &'e Answer);

/// Stores the answers of these appends under keys that are taken and have none.
pub(super) async fn answer(session: &mut Session, entries: &[&Entry<'_>]) -> Result<(), Failure> {
    let mut answers: Vec<Answered<'_>> = entries
        .iter()
        .flat_map(|entry| {
            let merchant_id = &entry.append.payment.merchant_id;
            entry.append.answers.iter().map(move |(key, answer)| ((merchant_id, key), answer))
        })
        .collect();
    // Stable: of two answers to one key the first counts.
    answers.sort_by_key(|(key, _)| *key);
    ANSWER.run_pieces(session, &answers, bind_answers).await.map(|_| ())
}

fn bind_answers(statement: Statement, piece: &[Answered<'_>]) -> Statement {
    let bind_key = |statement: Statement, (merchant_id, key): &FullKey<'_>| {
        statement.bind(merchant_id.as_str().to_owned()).bind(key.as_str().to_owned())
    };
    let statement = piece
        .iter()
        .fold(statement, |statement, (key, answer)| bind_key(statement, key).bind(answer.body.clone()));
    let statement =
        piece.iter().fold(statement, |statement, (key, answer)| bind_key(statement, key).bind(answer.status));
    piece.iter().fold(statement, |statement, (key, _)| bind_key(statement, key))
}
