//! Whole lives over HTTP.

use serde_json::{Value, json};

use crate::client::{Desk, Merchant};
use crate::engine::Engine;
use crate::tables;
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    a_partial_capture_and_two_partial_refunds_end_refunded,
    a_cancel_voids_the_hold_and_captures_nothing,
    automatic_capture_is_asked_for_in_the_answer_to_the_authorization,
    the_whole_story_of_a_payment_fits_one_screen,
}

fn statuses(history: &[Value]) -> Vec<&str> {
    history.iter().filter_map(|step| step["to"].as_str()).collect()
}

fn assert_gapless(history: &[Value]) {
    for (index, step) in history.iter().enumerate() {
        assert_eq!(step["version"], index + 1, "versions are gapless");
        assert!(step["at"].as_str().is_some_and(|at| at.ends_with('Z')), "every step has its time");
        assert!(step["cause"]["kind"].is_string(), "every step has its cause");
        assert_eq!(step["from"].is_null(), index == 0, "only the first step comes from nowhere");
    }
}

async fn a_partial_capture_and_two_partial_refunds_end_refunded(world: World) {
    let engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-1");
    let id = shop.authorized("life", 10_000, json!({"orderId": "o-1"})).await;

    let captured = shop.command("capture", id, json!({"amount": 6_000})).await;
    assert_eq!((captured.status, &captured.json()["status"]), (200, &json!("CAPTURE_REQUESTED")));
    shop.until_status(id, "CAPTURED").await;
    for (amount, after) in [(2_500, "PARTIAL_REFUNDED"), (3_500, "REFUNDED")] {
        let refund =
            shop.command("refund", id, json!({"reason": format!("part {amount}"), "amount": amount})).await;
        assert_eq!(
            (refund.status, &refund.json()["status"]),
            (200, &json!("REFUND_REQUESTED")),
            "{}",
            refund.json()
        );
        shop.until_status(id, after).await;
    }

    let three_movements =
        |payment: &Value| payment["ledgerEntries"].as_array().is_some_and(|entries| entries.len() == 3);
    let payment = shop.until(id, "three movements", three_movements).await;
    assert_eq!(payment["amount"], 10_000);
    assert_eq!(payment["capturedAmount"], 6_000);
    assert_eq!(payment["refundedAmount"], 6_000);
    assert_eq!(payment["refunds"].as_array().map(Vec::len), Some(2));
    assert_eq!(tables::ledger_balance(&engine).await, (0, 6), "three movements of two rows balance");

    let history = shop.history(id).await;
    assert_gapless(&history);
    let seen = statuses(&history);
    for wanted in ["READY", "AUTHORIZED", "CAPTURE_REQUESTED", "CAPTURED", "REFUND_REQUESTED", "REFUNDED"] {
        assert!(seen.contains(&wanted), "{wanted} in {seen:?}");
    }
    let events = tables::events(&engine, id).await;
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.value["eventSeq"], index + 1, "events are gapless");
    }
    assert_eq!(events.first().map(|event| event.topic.as_str()), Some("payment.authorized"));
    assert_eq!(events.last().map(|event| event.topic.as_str()), Some("payment.refunded"));
}

async fn a_cancel_voids_the_hold_and_captures_nothing(world: World) {
    let engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-2");
    let id = shop.authorized("cancel", 500, json!({})).await;
    let cancelled = shop.command("cancel", id, json!({"reason": "changed my mind"})).await;
    assert!(matches!(cancelled.status, 200 | 202), "{}", cancelled.json());
    shop.until_status(id, "CANCELLED").await;
    let again = shop.command("cancel", id, json!({"reason": "changed my mind"})).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("CANCELLED")));
    let capture = shop.command("capture", id, json!({})).await;
    assert_eq!((capture.status, capture.code().as_str()), (409, "CAPTURE_CONFLICT"));
    assert_eq!(Desk::pg(&engine).approvals(id, "void").await, 1);
    assert_gapless(&shop.history(id).await);
}

async fn automatic_capture_is_asked_for_in_the_answer_to_the_authorization(world: World) {
    let engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-3");
    let id = shop.authorized("auto", 700, json!({"captureMode": "automatic"})).await;
    let payment = shop.until_status(id, "CAPTURED").await;
    assert_eq!(payment["capturedAmount"], 700);
    let history = shop.history(id).await;
    assert_gapless(&history);
    assert_eq!(statuses(&history).get(..3), Some(["READY", "AUTHORIZED", "CAPTURE_REQUESTED"].as_slice()));
}

async fn the_whole_story_of_a_payment_fits_one_screen(world: World) {
    let engine = Engine::start(world);
    let shop = Merchant::new(&engine, "shop-4");
    let id = shop.authorized("story", 900, json!({})).await;
    Desk::pg(&engine)
        .post("/v1/faults", json!({"operation": "capture", "fault": "failed", "count": 2}))
        .await;
    shop.command("capture", id, json!({"amount": 700})).await;
    shop.until_status(id, "CAPTURED").await;
    for (amount, status) in [(300, "PARTIAL_REFUNDED"), (400, "REFUNDED")] {
        shop.command("refund", id, json!({"reason": format!("part {amount}"), "amount": amount})).await;
        shop.until_status(id, status).await;
    }
    shop.until(id, "three movements", |payment| {
        payment["ledgerEntries"].as_array().is_some_and(|entries| entries.len() == 3)
    })
    .await;
    let output = engine.command(&["payment", &id.to_string()]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for wanted in
        ["CAPTURED", "REFUNDED", "payment.captured", "merchant_receivable", "1–2 failed, 3 approved"]
    {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    assert!(!text.contains("record of anything else"), "{text}");
    // Four lines of history and two events are the two tries that failed; the rest is the screen.
    assert!(text.lines().count() <= 40 + 6, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let check = engine.command(&["check", "--require-work"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
