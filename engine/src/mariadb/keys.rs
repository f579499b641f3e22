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
use super::script::Script;
use super::session::Session;
use super::statements::{List, MOST, Repeated};

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

const TAKE: &str = "INSERT INTO idem_response_cache (merchant_id, idem_key, fingerprint, payment_id, operation, \
    token) VALUES ";

type Claim<'e> = (FullKey<'e>, &'e KeyClaim, &'e Append);

/// Takes the keys of these appends. In the order of the keys, so that transactions which want the same ones wait for
/// each other instead of getting entangled.
pub(super) fn take(script: &mut Script, entries: &[&Entry<'_>]) {
    let open = entries.iter().filter(|entry| !entry.has_key);
    let mut claims: Vec<Claim<'_>> =
        open.filter_map(|entry| entry.claim().map(|(key, claim)| (key, claim, entry.append))).collect();
    claims.sort_unstable_by_key(|(key, _, _)| *key);
    script.insert(TAKE, claims, "", |script, ((merchant_id, key), claim, append)| {
        script
            .text(merchant_id.as_str())
            .text(key.as_str())
            .bytes(&claim.fingerprint.0)
            .number(append.payment.id.as_i64())
            .text(claim.operation)
            .number(append.token.cast_signed());
    });
}

/// A statement compares each of its rows with each of its answers, so there are not too many in one.
const ANSWERS: usize = 32;

type Answered<'e> = (FullKey<'e>, &'e Answer);

/// Stores the answers of these appends under keys that are taken and have none.
pub(super) fn answer(script: &mut Script, entries: &[&Entry<'_>]) {
    let mut answers: Vec<Answered<'_>> = entries
        .iter()
        .flat_map(|entry| {
            let merchant_id = &entry.append.payment.merchant_id;
            entry.append.answers.iter().map(move |(key, answer)| ((merchant_id, key), answer))
        })
        .collect();
    // Stable: of two answers to one key the first counts.
    answers.sort_by_key(|(key, _)| *key);
    answers.chunks(ANSWERS).for_each(|piece| answer_some(script, piece));
}

fn answer_some(script: &mut Script, piece: &[Answered<'_>]) {
    script.push("UPDATE idem_response_cache SET body = CASE");
    for (key, answer) in piece {
        is_key(script, " WHEN ", key);
        script.push(" THEN ");
        script.apart().text_or_bytes(&answer.body);
    }
    script.push(" END, status_code = CASE");
    for (key, answer) in piece {
        is_key(script, " WHEN ", key);
        script.push(" THEN ");
        script.apart().number(answer.status);
    }
    script.push(" END WHERE status_code IS NULL AND (");
    for (index, (key, _)) in piece.iter().enumerate() {
        is_key(script, if index == 0 { "" } else { " OR " }, key);
    }
    script.push("); ");
}

fn is_key(script: &mut Script, before: &'static str, (merchant_id, key): &FullKey<'_>) {
    script.push(before);
    script.push("merchant_id = ");
    script.apart().text(merchant_id.as_str());
    script.push(" AND idem_key = ");
    script.apart().text(key.as_str());
}
