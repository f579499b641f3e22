//! Every fault of the PG, for every operation: the payment ends right, and money moves once.

use serde_json::{Value, json};

use crate::client::{Desk, Merchant};
use crate::engine::Engine;
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    authorizations_survive_every_fault,
    captures_survive_every_fault,
    refunds_survive_every_fault,
    voids_survive_every_fault,
    an_unknown_outcome_is_shown_and_asked_about,
}

/// The faults after which the operation must still succeed.
const PASSING: [&str; 8] = [
    "failed",
    "server-error",
    "connection-reset",
    "timeout-before",
    "timeout-after",
    "late-answer",
    "malformed-json",
    "wrong-amount",
];

async fn script(pg: &Desk, operation: &str, fault: &str, count: u32) {
    let fault = json!({"operation": operation, "fault": fault, "count": count, "delayMs": 1_500});
    let answer = pg.post("/v1/faults", fault).await;
    assert!(answer.status < 300, "{}", answer.json());
}

/// Brings a new payment to the point before `operation`, has the fault happen, and asks for the operation.
async fn perform(shop: &Merchant, pg: &Desk, operation: &str, fault: &str) -> u64 {
    let name = format!("{operation}-{fault}");
    if operation == "authorize" {
        script(pg, operation, fault, 1).await;
        let answer = shop.authorize(&name, 1_000, json!({})).await.expect("an answer");
        return answer.json()["paymentId"].as_u64().unwrap_or_else(|| panic!("{name}: {}", answer.json()));
    }
    let id = shop.authorized(&name, 1_000, json!({})).await;
    if operation == "refund" {
        assert_eq!(shop.command("capture", id, json!({})).await.status, 200);
        shop.until_status(id, "CAPTURED").await;
    }
    script(pg, operation, fault, 1).await;
    let (path, body) = match operation {
        "capture" => ("capture", json!({})),
        "refund" => ("refund", json!({"reason": name})),
        _ => ("cancel", json!({"reason": name})),
    };
    let answer = shop.command(path, id, body).await;
    assert!(matches!(answer.status, 200 | 202), "{name}: {}", answer.json());
    id
}

fn success(operation: &str) -> &'static str {
    match operation {
        "authorize" => "AUTHORIZED",
        "capture" => "CAPTURED",
        "refund" => "REFUNDED",
        _ => "CANCELLED",
    }
}

async fn each_fault(world: World, operation: &'static str) {
    // One fault after another would open the breaker, as it should; here each fault is looked at by itself.
    let engine = Engine::start_with(
        world,
        &[
            ("PAYMENT__BREAKERS__PG_AUTHORIZE__MINIMUM_CALLS", "1000"),
            ("PAYMENT__BREAKERS__PG_CAPTURE__MINIMUM_CALLS", "1000"),
            ("PAYMENT__BREAKERS__PG_REFUND__MINIMUM_CALLS", "1000"),
            ("PAYMENT__BREAKERS__PG_VOID__MINIMUM_CALLS", "1000"),
        ],
    );
    let (shop, pg) = (Merchant::new(&engine, "shop-1"), Desk::pg(&engine));
    for fault in PASSING.into_iter().chain(["duplicate-answer"]) {
        let id = perform(&shop, &pg, operation, fault).await;
        // A failed authorization is never tried again.
        let declined = operation == "authorize" && fault == "failed";
        let wanted = if declined { "AUTH_FAILED" } else { success(operation) };
        let payment = shop.until_status(id, wanted).await;
        let outcome = if declined { "failed" } else { "approved" };
        assert_eq!(payment["pgOutcome"], outcome, "{operation} {fault}");
        let approvals = pg.approvals(id, operation).await;
        assert_eq!(approvals, usize::from(!declined), "{operation} after {fault} moved money once");
    }
    let check = engine.command(&["check", "--require-work"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

async fn authorizations_survive_every_fault(world: World) {
    each_fault(world, "authorize").await;
}

async fn captures_survive_every_fault(world: World) {
    each_fault(world, "capture").await;
}

async fn refunds_survive_every_fault(world: World) {
    each_fault(world, "refund").await;
}

async fn voids_survive_every_fault(world: World) {
    each_fault(world, "void").await;
}

async fn an_unknown_outcome_is_shown_and_asked_about(world: World) {
    let engine = Engine::start_with(
        world,
        &[("PAYMENT__PG__QUERY_INITIAL", "30s"), ("PAYMENT__PG__QUERY_MAX", "30s")],
    );
    let (shop, pg) = (Merchant::new(&engine, "shop-1"), Desk::pg(&engine));
    let id = shop.authorized("a", 1_000, json!({})).await;
    script(&pg, "capture", "timeout-after", 1).await;
    assert_eq!(shop.command("capture", id, json!({})).await.status, 200);
    let unknown = |payment: &Value| payment["pgOutcome"] == "unknown";
    let payment = shop.until(id, "an unknown outcome", unknown).await;
    assert_eq!(payment["status"], "CAPTURE_REQUESTED", "an unknown answer is not a failure");
    assert_eq!(pg.approvals(id, "capture").await, 1, "the pg had done it");
}
