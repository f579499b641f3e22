//! [`ApiKeyStore`] on SQLite. The number of a change is one more than the highest there is: only one transaction
//! writes at a time, in whichever process.

use async_trait::async_trait;
use payment_actors::ports::StoreError;
use payment_actors::ports::api_key_store::ApiKeyStore;
use payment_schema::api_key::{ApiKey, KeyDigest, KeyId, KeyScope};
use payment_schema::ids::MerchantId;
use payment_schema::text::KeyLabel;
use payment_schema::time::Timestamp;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::columns::{signed, timestamp, unsigned};
use super::failure::Failure;

#[async_trait]
impl ApiKeyStore for SqliteStore {
    async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.database.write(move |session| insert(session.connection, &key)).await
    }

    async fn revoke_api_key(&self, id: &KeyId, at: Timestamp) -> Result<Option<ApiKey>, StoreError> {
        let id = id.clone();
        self.database.write(move |session| revoke(session.connection, &id, at)).await
    }

    async fn api_keys(&self, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, StoreError> {
        self.database.read(move |connection| behind(connection, after, limit)).await
    }
}

fn insert(connection: &Connection, key: &ApiKey) -> Result<(), Failure> {
    const SQL: &str = "
        INSERT INTO api_key (key_id, merchant_id, label, digest, created_at, revoked_at, change_no)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT COALESCE(MAX(change_no), 0) + 1 FROM api_key))
        ON CONFLICT (key_id) DO NOTHING";
    connection.prepare_cached(SQL)?.execute(params![
        key.id().as_str(),
        key.scope.merchant_id().map(MerchantId::as_str),
        key.label.as_ref().map(KeyLabel::as_str),
        key.digest.0,
        key.created_at.as_micros(),
        key.revoked_at.map(Timestamp::as_micros),
    ])?;
    Ok(())
}

fn revoke(connection: &Connection, id: &KeyId, at: Timestamp) -> Result<Option<ApiKey>, Failure> {
    const SQL: &str = "
        UPDATE api_key SET revoked_at = ?2, change_no = (SELECT MAX(change_no) + 1 FROM api_key)
        WHERE key_id = ?1 AND revoked_at IS NULL";
    connection.prepare_cached(SQL)?.execute(params![id.as_str(), at.as_micros()])?;
    let mut statement = connection.prepare_cached("SELECT * FROM api_key WHERE key_id = ?1")?;
    let mut rows = statement.query([id.as_str()])?;
    rows.next()?.map(read).transpose()
}

fn behind(connection: &Connection, after: u64, limit: u32) -> Result<Vec<(u64, ApiKey)>, Failure> {
    const SQL: &str = "SELECT * FROM api_key WHERE change_no > ?1 ORDER BY change_no LIMIT ?2";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query(params![signed(after), limit])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push((unsigned("change_no", row.get("change_no")?)?, read(row)?));
    }
    Ok(keys)
}

fn read(row: &Row<'_>) -> Result<ApiKey, Failure> {
    let merchant: Option<String> = row.get("merchant_id")?;
    let merchant = merchant.map(|text| MerchantId::parse(&text)).transpose();
    let label: Option<String> = row.get("label")?;
    let label = label.map(|text| KeyLabel::parse(&text)).transpose();
    Ok(ApiKey {
        scope: KeyScope::of(merchant.map_err(|error| Failure::unreadable("api_key.merchant_id", error))?),
        label: label.map_err(|error| Failure::unreadable("api_key.label", error))?,
        digest: KeyDigest(row.get("digest")?),
        created_at: timestamp(row, "created_at")?,
        revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(Timestamp::from_micros),
    })
}
