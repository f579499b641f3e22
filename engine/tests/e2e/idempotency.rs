//! One key, one effect.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::client::{Desk, Merchant};
use crate::engine::Engine;
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    a_hundred_parallel_authorizations_with_one_key_are_one,
    a_key_means_one_command_for_ever,
    keyed_captures_and_refunds_are_replayed_byte_for_byte,
}

async fn a_hundred_parallel_authorizations_with_one_key_are_one(world: World) {
    let engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-1");
    let answers = join_all((0..100).map(|_| shop.authorize("one", 4_200, json!({})))).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("an answer")).collect();
    let bodies: BTreeSet<_> = answers.iter().map(|answer| (answer.status, answer.bytes.clone())).collect();
    assert_eq!(bodies.len(), 1, "one hundred identical answers");
    assert_eq!(
        answers.iter().filter(|answer| !answer.replayed).count(),
        1,
        "all but one are marked as replays"
    );
    let record = Desk::pg(&engine).record().await;
    assert_eq!(record.len(), 1, "one authorization reached the pg");
}

async fn a_key_means_one_command_for_ever(world: World) {
    let mut engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-1");
    let first = shop.authorize("k", 100, json!({})).await.expect("an answer");
    let other = shop.authorize("k", 101, json!({})).await.expect("an answer");
    assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
    let body = json!({"merchantId": "shop-1", "amount": 1, "currency": "USD"});
    let missing = shop.post("authorize", body).await.expect("an answer");
    assert_eq!((missing.status, missing.code().as_str()), (400, "IDEMPOTENCY_KEY_MISSING"));
    let elsewhere = Merchant::new(&engine, "shop-2").authorize("k", 100, json!({})).await.expect("an answer");
    assert!(!elsewhere.replayed, "another merchant's key is another key");

    engine.kill();
    engine.restart();
    let again = Merchant::new(&engine, "shop-1").authorize("k", 100, json!({})).await.expect("an answer");
    assert_eq!((again.status, again.bytes), (first.status, first.bytes), "byte for byte, after a crash too");
    assert!(again.replayed);
}

async fn keyed_captures_and_refunds_are_replayed_byte_for_byte(world: World) {
    let engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-1");
    let id = shop.authorized("a", 1_000, json!({})).await;
    let capture = json!({"idempotencyKey": "cap"});
    let first = shop.command("capture", id, capture.clone()).await;
    shop.until_status(id, "CAPTURED").await;
    let again = shop.command("capture", id, capture).await;
    assert_eq!((again.status, &again.bytes, again.replayed), (200, &first.bytes, true));

    let refund = json!({"idempotencyKey": "ref", "reason": "broken", "amount": 400});
    let first = shop.command("refund", id, refund.clone()).await;
    assert_eq!(first.status, 200, "{}", first.json());
    shop.until_status(id, "PARTIAL_REFUNDED").await;
    let again = shop.command("refund", id, refund).await;
    assert_eq!((again.status, &again.bytes, again.replayed), (200, &first.bytes, true));
    let reused = shop.command("refund", id, json!({"idempotencyKey": "cap", "reason": "broken"})).await;
    assert_eq!((reused.status, reused.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
}
