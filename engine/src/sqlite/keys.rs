//! Taken idempotency keys.

use payment_actors::ports::journal_store::KeyRecord;
use payment_schema::fingerprint::{ClaimDigest, Fingerprint};
use payment_schema::ids::{MerchantId, PaymentId};
use payment_schema::representation::Answer;
use payment_schema::text::IdempotencyKey;
use rusqlite::{Connection, Row};

use super::columns::payment_id;
use super::failure::Failure;

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

/// Who took the key.
pub(super) fn find(
    connection: &Connection,
    merchant_id: &MerchantId,
    key: &IdempotencyKey,
) -> Result<Option<TakenKey>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT k.fingerprint, k.payment_id, k.operation, k.token, a.status_code, a.body FROM idem_response_cache k
         LEFT JOIN idem_answer a ON a.payment_id = k.payment_id AND a.key_digest = k.key_digest
         WHERE k.key_digest = ?1",
    )?;
    let mut rows = statement.query([ClaimDigest::of(merchant_id, key).0])?;
    rows.next()?.map(read).transpose()
}

fn read(row: &Row<'_>) -> Result<TakenKey, Failure> {
    let status: Option<u16> = row.get("status_code")?;
    let body: Option<Vec<u8>> = row.get("body")?;
    let token: i64 = row.get("token")?;
    Ok(TakenKey {
        record: KeyRecord {
            fingerprint: Fingerprint(row.get("fingerprint")?),
            payment_id: payment_id(row, "payment_id")?,
            operation: row.get("operation")?,
            answer: status.zip(body).map(|(status, body)| Answer { status, body }),
        },
        token: token.cast_unsigned(),
    })
}
