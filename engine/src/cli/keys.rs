//! `keys`: makes, lists and revokes API keys, with engines running or stopped.
//!
//! Works on the store itself; engines learn of changes from there within a second or two.

use chrono::Utc;
use payment_actors::ports::journal_store::AuditEntry;
use payment_actors::ports::{Store, StoreError};
use payment_schema::api_key::{ApiKey, KeyId, KeyScope, KeySecret};
use payment_schema::ids::MerchantId;
use payment_schema::text::KeyLabel;
use payment_schema::time::Timestamp;
use serde_json::{Value, json};

use super::args::{CreateKey, Keys, RevokeKey};
use super::failure::Failure;
use super::store::{Access, with_store};
use super::terminal::{print, table};
use crate::config::Config;
use crate::ports::os_entropy;

/// Who acts by this command: whoever may open the store.
const WHO: &str = "payment-engine keys";

/// Keys read at a time.
const PAGE: u32 = 1_000;

pub(super) fn run(asked: &Keys, for_operators: bool, config: &Config) -> Result<(), Failure> {
    match asked {
        Keys::Create(create) => {
            let (key, secret) = make(create, for_operators)?;
            with_store(config, Access::Write, async |store| keep(store, &key).await)?;
            print(&created(&key, &secret, create.json))
        }
        Keys::List { json } => {
            let keys = with_store(config, Access::Read, async |store| all(store).await)?;
            print(&listed(&keys, *json))
        }
        Keys::Revoke(revoke) => {
            let id = KeyId::parse(&revoke.id).ok_or_else(|| {
                Failure::usage("a key's id has 16 hexadecimal digits; `payment-engine keys list` shows them")
            })?;
            let at = Timestamp::from(Utc::now());
            let key = with_store(config, Access::Write, async |store| {
                revoke_one(store, &id, at, revoke.reason.as_deref()).await
            })?;
            print(&revoked(&key, at, revoke))
        }
    }
}

fn make(asked: &CreateKey, for_operators: bool) -> Result<(ApiKey, KeySecret), Failure> {
    if for_operators == asked.merchant.is_some() {
        return Err(Failure::usage("say whose key it is: either --merchant ID, or --operator without a URL"));
    }
    let merchant = asked.merchant.as_deref().map(MerchantId::parse).transpose();
    let merchant = merchant.map_err(|error| Failure::usage(format!("the merchant id {error}")))?;
    let label = asked.label.as_deref().map(KeyLabel::parse).transpose();
    let label = label.map_err(|error| Failure::usage(format!("the label {error}")))?;
    let scope = KeyScope::of(merchant);
    let entropy = os_entropy().map_err(|error| Failure::failed(error.to_string()))?;
    let secret = KeySecret::made_of(&scope, &entropy);
    let created_at = Timestamp::from(Utc::now());
    Ok((ApiKey { scope, label, digest: secret.digest(), created_at, revoked_at: None }, secret))
}

/// Audited before it is done: a key that nobody can trace must not exist.
async fn keep(store: &dyn Store, key: &ApiKey) -> Result<(), Failure> {
    let entry = act(key, "create-key", "begun", key.created_at, None);
    store.write_audit(&entry).await.map_err(|cause| not_done(&cause))?;
    store.put_api_key(key).await.map_err(|cause| not_done(&cause))
}

/// Done before it is audited: nothing may stand between a lost key and its end.
async fn revoke_one(
    store: &dyn Store,
    id: &KeyId,
    at: Timestamp,
    reason: Option<&str>,
) -> Result<ApiKey, Failure> {
    let found = store.revoke_api_key(id, at).await.map_err(|cause| not_done(&cause))?;
    let key = found.ok_or_else(|| {
        let message = format!("there is no key {id} in the store; `payment-engine keys list` shows all");
        Failure::failed(message)
    })?;
    if key.revoked_at == Some(at) {
        let entry = act(&key, "revoke-key", "done", at, reason);
        store.write_audit(&entry).await.map_err(|cause| {
            Failure::failed(format!("key {id} is revoked, but the audit could not be written: {cause}"))
        })?;
    }
    Ok(key)
}

fn act(key: &ApiKey, what: &str, outcome: &str, at: Timestamp, reason: Option<&str>) -> AuditEntry {
    AuditEntry {
        id: uuid::Uuid::now_v7().to_string(),
        who: WHO.to_owned(),
        what: what.to_owned(),
        target: format!("{} of {}", key.holder(), key.scope),
        reason: reason.unwrap_or("not given").to_owned(),
        at,
        outcome: outcome.to_owned(),
    }
}

fn not_done(cause: &StoreError) -> Failure {
    Failure::failed(format!("{cause}; look at `payment-engine keys list`, then try again"))
}

/// Every key, oldest first.
async fn all(store: &dyn Store) -> Result<Vec<ApiKey>, Failure> {
    let (mut keys, mut after) = (Vec::new(), 0);
    loop {
        let page = store.api_keys(after, PAGE).await.map_err(|cause| Failure::failed(cause.to_string()))?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        keys.extend(page.into_iter().map(|(_, key)| key));
    }
    keys.sort_by_key(|key| (key.created_at, key.id()));
    Ok(keys)
}

fn value(key: &ApiKey) -> Value {
    json!({
        "id": key.id().as_str(),
        "scope": if key.scope == KeyScope::Operator { "operator" } else { "merchant" },
        "merchantId": key.scope.merchant_id(),
        "label": key.label,
        "createdAt": key.created_at,
        "revokedAt": key.revoked_at,
    })
}

fn created(key: &ApiKey, secret: &KeySecret, as_json: bool) -> String {
    if as_json {
        let mut value = value(key);
        value["secret"] = secret.reveal().into();
        return format!("{value}\n");
    }
    let secret = secret.reveal();
    format!(
        "key {} of {}\n\n  {secret}\n\nThis is the only time it is shown; what is kept is a hash of it. Send it as\n\n  \
         Authorization: Bearer {secret}\n",
        key.id(),
        key.scope
    )
}

fn listed(keys: &[ApiKey], as_json: bool) -> String {
    if as_json {
        let keys: Vec<Value> = keys.iter().map(value).collect();
        return format!("{}\n", json!({ "keys": keys }));
    }
    if keys.is_empty() {
        return "no keys in the store; make one with `payment-engine keys create`\n".to_owned();
    }
    let none = || "–".to_owned();
    let rows: Vec<[String; 5]> = keys
        .iter()
        .map(|key| {
            let label = key.label.as_ref().map_or_else(none, ToString::to_string);
            let revoked = key.revoked_at.map_or_else(none, |at| at.to_string());
            [key.id().to_string(), key.scope.to_string(), label, key.created_at.to_string(), revoked]
        })
        .collect();
    table(["id", "of", "label", "created", "revoked"], &rows)
}

fn revoked(key: &ApiKey, at: Timestamp, asked: &RevokeKey) -> String {
    let changed = key.revoked_at == Some(at);
    if asked.json {
        let mut value = value(key);
        value["changed"] = changed.into();
        return format!("{value}\n");
    }
    let (id, scope) = (key.id(), &key.scope);
    if changed {
        format!("key {id} of {scope} is revoked; running engines refuse it within two seconds\n")
    } else {
        let since = key.revoked_at.map(|at| at.to_string()).unwrap_or_default();
        format!("nothing changed: key {id} of {scope} was revoked at {since}\n")
    }
}
