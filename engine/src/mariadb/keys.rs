//! Taken idempotency keys and their answers.

use std::collections::BTreeMap;

use payment_actors::ports::journal_store::{Append, KeyClaim, KeyRecord};
use payment_schema::fingerprint::{ClaimDigest, Fingerprint};
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;
use sqlx::mysql::MySqlRow;

use super::append::{Entry, FullKey};
use super::columns::{payment_id, value};
use super::failure::Failure;
use super::script::Script;
use super::session::Session;
use super::statements::Repeated;

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

/// With the answer, if there is one.
macro_rules! key_columns {
    () => {
        "SELECT k.merchant_id, k.idem_key, k.fingerprint, k.payment_id, k.operation, k.token, a.status_code, a.body
         FROM idem_response_cache k FORCE INDEX (idem_once)
         LEFT JOIN idem_answer a ON a.payment_id = k.payment_id AND a.key_digest = k.key_digest "
    };
}

static FIND: Repeated = Repeated::new(concat!(key_columns!(), "WHERE k.key_digest IN ("), "?", ", ", ")");

/// The same, waiting for whoever is about to take the key.
const FIND_SETTLED: &str = concat!(key_columns!(), "WHERE k.key_digest = ? LOCK IN SHARE MODE");

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
            statement.bind(ClaimDigest::of(merchant_id, key).0.to_vec())
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
    let digest = ClaimDigest::of(merchant_id, key);
    let row = session.row(sqlx::query(FIND_SETTLED).bind(digest.0.to_vec())).await?;
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

const TAKE: &str = "INSERT INTO idem_response_cache (payment_id, key_digest, merchant_id, idem_key, fingerprint, \
    operation, token) VALUES ";

type Claim<'e> = (ClaimDigest, FullKey<'e>, &'e KeyClaim, &'e Append);

/// Takes the keys of these appends. In the order of the index that makes them unique, so that transactions which want
/// the same ones wait for each other instead of getting entangled.
pub(super) fn take(script: &mut Script, entries: &[&Entry<'_>]) {
    let open = entries.iter().filter(|entry| !entry.has_key);
    let claims = open.filter_map(|entry| {
        let (key, claim) = entry.claim()?;
        Some((ClaimDigest::of(key.0, key.1), key, claim, entry.append))
    });
    let mut claims: Vec<Claim<'_>> = claims.collect();
    claims.sort_unstable_by_key(|(digest, ..)| *digest);
    script.insert(TAKE, claims, "", |script, (digest, (merchant_id, key), claim, append)| {
        script
            .number(append.payment.id.as_i64())
            .bytes(&digest.0)
            .text(merchant_id.as_str())
            .text(key.as_str())
            .bytes(&claim.fingerprint.0)
            .text(claim.operation)
            .number(append.token.cast_signed());
    });
}

const ANSWER: &str = "INSERT INTO idem_answer (payment_id, key_digest, status_code, body) VALUES ";

/// The first answer counts.
const FIRST_ANSWER: &str = " ON DUPLICATE KEY UPDATE payment_id = VALUES(payment_id)";

/// Stores the answers of these appends under keys that are taken and have none.
pub(super) fn answer(script: &mut Script, sorted: &[&Entry<'_>]) {
    let answers = sorted.iter().flat_map(|entry| {
        let payment = &entry.append.payment;
        entry.append.answers.iter().map(move |(key, answer)| (payment, key, answer))
    });
    script.insert(ANSWER, answers, FIRST_ANSWER, |script, (payment, key, answer)| {
        script
            .number(payment.id.as_i64())
            .bytes(&ClaimDigest::of(&payment.merchant_id, key).0)
            .number(answer.status)
            .text_or_bytes(&answer.body);
    });
}
