//! [`ApiKeyStore`] on MariaDB. Whoever changes a key first takes the number of its change, and with it a lock until
//! the commit, so that numbers rise in the order of commits.

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::api_key_store::ApiKeyStore;
use payment_schema::api_key::{ApiKey, KeyDigest, KeyId, KeyScope};
use payment_schema::ids::MerchantId;
use payment_schema::text::KeyLabel;
use payment_schema::time::Timestamp;
use sqlx::mysql::MySqlRow;

use super::MariaDbStore;
use super::columns::{parsed_if_any, signed, timestamp, unsigned, value};
use super::failure::Failure;
use super::session::Session;
use super::tries::{reading, writing};

#[async_trait]
impl ApiKeyStore for MariaDbStore {
    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        writing!(self, |session| insert(session, key))
    }

    async fn revoke_api_key(&self, id: &KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        writing!(self, |session| revoke(session, id, at))
    }

    async fn api_keys(&self, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, StoreError> {
        reading!(self, |session| behind(session, after, limit))
    }
}

async fn next_change(session: &mut Session) -> Result<u64, Failure> {
    const TAKE: &str = "UPDATE api_key_change SET last_change = last_change + 1 WHERE only_row = 1";
    const LOOK: &str = "SELECT last_change FROM api_key_change WHERE only_row = 1";
    session.run(sqlx::query(TAKE)).await?;
    let row = session.row(sqlx::query(LOOK)).await?;
    let row = row.ok_or_else(|| Failure::unreadable("api_key_change", "no row"))?;
    unsigned(&row, "last_change")
}

async fn insert(session: &mut Session, key: &ApiKey) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO api_key (key_id, merchant_id, label, digest, created_at, revoked_at, change_no)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE key_id = VALUES(key_id)";
    let change = next_change(session).await?;
    let statement = sqlx::query(SQL)
        .bind(key.id().as_str().to_owned())
        .bind(key.scope.merchant_id().map(|id| id.as_str().to_owned()))
        .bind(key.label.as_ref().map(|label| label.as_str().to_owned()))
        .bind(key.digest.0.to_vec())
        .bind(key.created_at.as_micros())
        .bind(key.revoked_at.map(Timestamp::as_micros))
        .bind(signed(change));
    session.run(statement).await.map(|_| ())
}

macro_rules! columns {
    ($rest:literal) => {
        concat!("SELECT merchant_id, label, digest, created_at, revoked_at, change_no FROM api_key ", $rest)
    };
}

async fn revoke(session: &mut Session, id: &KeyId, at: Timestamp) -> Result<Option<ApiKey>, Failure> {
    const REVOKE: &str =
        "UPDATE api_key SET revoked_at = ?, change_no = ? WHERE key_id = ? AND revoked_at IS NULL";
    const LOOK: &str = columns!("WHERE key_id = ?");
    let change = next_change(session).await?;
    let statement =
        sqlx::query(REVOKE).bind(at.as_micros()).bind(signed(change)).bind(id.as_str().to_owned());
    session.run(statement).await?;
    let row = session.row(sqlx::query(LOOK).bind(id.as_str().to_owned())).await?;
    row.as_ref().map(read).transpose()
}

async fn behind(session: &mut Session, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, Failure> {
    const SQL: &str =
        columns!("FORCE INDEX (api_key_by_change) WHERE change_no > ? ORDER BY change_no LIMIT ?");
    let rows = session.rows(sqlx::query(SQL).bind(signed(after)).bind(limit)).await?;
    rows.iter().map(|row| Ok((unsigned(row, "change_no")?, read(row)?))).collect()
}

fn read(row: &MySqlRow) -> Result<ApiKey, Failure> {
    let digest: Vec<u8> = value(row, "digest")?;
    let digest = digest.try_into().map_err(|_| Failure::unreadable("api_key.digest", "no 32 bytes"))?;
    let revoked_at: Option<i64> = value(row, "revoked_at")?;
    Ok(ApiKey {
        scope: KeyScope::of(parsed_if_any(row, "merchant_id", |text| MerchantId::parse(text).ok())?),
        label: parsed_if_any(row, "label", |text| KeyLabel::parse(text).ok())?,
        digest: KeyDigest(digest),
        created_at: timestamp(row, "created_at")?,
        revoked_at: revoked_at.map(Timestamp::from_micros),
    })
}
