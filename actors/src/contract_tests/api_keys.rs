//! API keys: kept as digests, revoked once, read by their changes.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use payment_schema::api_key::{ApiKey, KeyDigest, KeyId, KeyScope};
use payment_schema::ids::MerchantId;
use payment_schema::text::KeyLabel;

use super::PATIENCE;
use super::scene::Scene;
use crate::ports::Store;

fn key(scene: &Scene, scope: KeyScope, label: Option<&str>, secret: &str) -> ApiKey {
    ApiKey {
        scope,
        label: label.map(|label| KeyLabel::parse(label).expect("a label")),
        digest: KeyDigest::of(secret),
        created_at: scene.now(),
        revoked_at: None,
    }
}

fn of_merchant(scene: &Scene, merchant: &str, secret: &str) -> ApiKey {
    let merchant_id = MerchantId::parse(merchant).expect("a merchant id");
    key(scene, KeyScope::Merchant(merchant_id), None, secret)
}

async fn changes(scene: &Scene, after: u64, limit: u32) -> (Vec<u64>, Vec<ApiKey>) {
    scene.store.api_keys(after, limit).await.expect("keys are read").into_iter().unzip()
}

async fn put(scene: &Scene, keys: &[&ApiKey]) {
    for key in keys {
        scene.store.put_api_key(key).await.expect("the key is kept");
    }
}

/// Scopes are told apart byte by byte, labels come back as they were, and a key put twice is there once.
pub async fn a_key_reads_back_as_it_was_made(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    assert_eq!(changes(&scene, 0, 10).await, (vec![], vec![]));
    let operator = key(&scene, KeyScope::Operator, Some("Müller's \"console\" ✓"), "one");
    let upper = of_merchant(&scene, "Shop 1", "two");
    let lower = of_merchant(&scene, "shop 1", "Two");
    put(&scene, &[&operator, &upper, &lower, &operator]).await;
    let (_, found) = changes(&scene, 0, 10).await;
    assert_eq!(found, [operator, upper, lower]);
}

/// Whoever reads behind the last change it saw learns of every key that was made or revoked since.
pub async fn changes_come_in_order_behind_the_last_seen(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let [first, second, third] = ["one", "two", "three"].map(|secret| of_merchant(&scene, "m-1", secret));
    put(&scene, &[&first, &second, &third]).await;
    let (numbers, page) = changes(&scene, 0, 2).await;
    assert_eq!(page, [first.clone(), second]);
    assert!(numbers[0] >= 1 && numbers[0] < numbers[1], "{numbers:?}");
    let (rest, page) = changes(&scene, numbers[1], 2).await;
    assert_eq!(page, [third]);
    assert_eq!(changes(&scene, rest[0], 2).await, (vec![], vec![]));

    let at = scene.now();
    scene.store.revoke_api_key(&first.id(), at).await.expect("the key is revoked");
    let (numbers, page) = changes(&scene, rest[0], 2).await;
    assert_eq!(page, [ApiKey { revoked_at: Some(at), ..first }]);
    assert!(numbers[0] > rest[0]);
}

/// The first moment stays, a repeat is no change, and an unknown key is nobody's.
pub async fn a_key_is_revoked_once(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let (key, other) = (of_merchant(&scene, "m-1", "one"), of_merchant(&scene, "m-1", "two"));
    put(&scene, &[&key, &other]).await;
    let at = scene.now();
    let revoked = ApiKey { revoked_at: Some(at), ..key };
    for moment in [at, scene.now()] {
        let found = scene.store.revoke_api_key(&revoked.id(), moment).await.expect("the key is revoked");
        assert_eq!(found.as_ref(), Some(&revoked));
    }
    put(&scene, &[&ApiKey { revoked_at: None, ..revoked.clone() }]).await;
    let (numbers, found) = changes(&scene, 0, 10).await;
    assert_eq!((numbers.len(), found), (2, vec![other, revoked]), "putting it again does not bring it back");

    let unknown = KeyId::from(&KeyDigest::of("three"));
    let found = scene.store.revoke_api_key(&unknown, at).await.expect("the store answers");
    assert_eq!(found, None);
    assert_eq!(changes(&scene, 0, 10).await.0, numbers);
}

/// Whoever follows the changes while others make some sees every one of them: none becomes visible behind a later one.
pub async fn no_change_is_missed_while_many_are_made(store: Arc<dyn Store>) {
    let scene = Scene::new(store);
    let keys: Vec<ApiKey> = (0..40).map(|n| of_merchant(&scene, "m-1", &n.to_string())).collect();
    let writers = join_all(keys.iter().map(|key| scene.store.put_api_key(key)));
    let reader = async {
        let (mut after, mut seen) = (0, Vec::new());
        while seen.len() < keys.len() {
            let (numbers, page) = changes(&scene, after, 7).await;
            after = numbers.last().copied().unwrap_or(after);
            seen.extend(page);
        }
        seen
    };
    let (written, seen) = join(writers, tokio::time::timeout(PATIENCE, reader)).await;
    for result in written {
        result.expect("the key is kept");
    }
    let mut seen: Vec<KeyId> = seen.expect("every change is seen").iter().map(ApiKey::id).collect();
    let mut made: Vec<KeyId> = keys.iter().map(ApiKey::id).collect();
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
}
