//! What ten failures or one final decline lead to, and what operators do about it.

use serde_json::{Value, json};

use crate::client::{Desk, Merchant};
use crate::engine::Engine;
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    ten_failures_end_in_a_dead_letter_that_is_replayed_once,
    a_final_decline_is_discarded_and_the_hold_can_be_captured_anew,
    a_discarded_refund_leaves_the_payment_captured,
    a_discarded_void_gives_the_hold_back,
}

struct Stage {
    engine: Engine,
    shop: Merchant,
    pg: Desk,
}

impl Stage {
    fn new(world: World) -> Self {
        let engine = Engine::start(world);
        let (shop, pg) = (Merchant::new(&engine, "shop-1"), Desk::pg(&engine));
        Self { engine, shop, pg }
    }

    async fn fault(&self, operation: &str, fault: &str, count: u32) {
        let body = json!({"operation": operation, "fault": fault, "count": count});
        assert!(self.pg.post("/v1/faults", body).await.status < 300);
    }

    /// The one dead letter of a payment, once it is there.
    async fn letter(&self, topic: &str, id: u64) -> Value {
        let desk = Desk::operator(&self.engine);
        for _ in 0..1_000 {
            let listed = self.engine.command_json(&["dlq", "list", topic, "--json"]);
            let letters =
                listed.as_array().or_else(|| listed["letters"].as_array()).cloned().unwrap_or_default();
            if let Some(letter) = letters.into_iter().find(|letter| letter["paymentId"] == id) {
                return letter;
            }
            desk.get("/api/admin/actors?depth=1").await;
        }
        panic!("no dead letter of payment {id} in {topic}");
    }

    fn act(&self, verb: &str, topic: &str, letter: &Value) -> Value {
        let id = letter["id"].as_str().expect("a letter id");
        self.engine.command_json(&["dlq", verb, topic, id, "--reason", "looked into it", "--json"])
    }
}

async fn ten_failures_end_in_a_dead_letter_that_is_replayed_once(world: World) {
    let stage = Stage::new(world);
    let id = stage.shop.authorized("a", 1_000, json!({})).await;
    stage.fault("capture", "failed", 10).await;
    stage.shop.command("capture", id, json!({})).await;
    let letter = stage.letter("settlement.dlq", id).await;
    assert_eq!(stage.shop.get(id).await["status"], "CAPTURE_FAILED");

    assert_eq!(stage.act("replay", "settlement.dlq", &letter)["changed"], true);
    let again = stage.act("replay", "settlement.dlq", &letter);
    assert_eq!((&again["changed"], &again["status"]), (&json!(false), &json!("replayed")));
    stage.shop.until_status(id, "CAPTURED").await;
    assert_eq!(stage.pg.approvals(id, "capture").await, 1);
    let tries = stage.pg.record().await.iter().filter(|entry| entry["operation"] == "capture").count();
    assert_eq!(tries, 11, "ten failures and one success");
}

async fn a_final_decline_is_discarded_and_the_hold_can_be_captured_anew(world: World) {
    let stage = Stage::new(world);
    let id = stage.shop.authorized("a", 1_000, json!({})).await;
    stage.fault("capture", "decline", 1).await;
    stage.shop.command("capture", id, json!({})).await;
    let letter = stage.letter("settlement.dlq", id).await;
    assert_eq!(stage.act("discard", "settlement.dlq", &letter)["changed"], true);
    assert_eq!(stage.act("discard", "settlement.dlq", &letter)["changed"], false);
    stage.shop.until_status(id, "AUTHORIZED").await;
    stage.shop.command("capture", id, json!({})).await;
    stage.shop.until_status(id, "CAPTURED").await;
}

async fn a_discarded_refund_leaves_the_payment_captured(world: World) {
    let stage = Stage::new(world);
    let id = stage.shop.authorized("a", 1_000, json!({"captureMode": "automatic"})).await;
    stage.shop.until_status(id, "CAPTURED").await;
    stage.fault("refund", "decline", 1).await;
    stage.shop.command("refund", id, json!({"reason": "broken", "amount": 300})).await;
    let letter = stage.letter("refund.dlq", id).await;
    stage.act("discard", "refund.dlq", &letter);
    let payment = stage.shop.until_status(id, "CAPTURED").await;
    assert_eq!(payment["refunds"][0]["status"], "given-up");
    assert_eq!(payment["refundedAmount"], 0);
}

async fn a_discarded_void_gives_the_hold_back(world: World) {
    let stage = Stage::new(world);
    let id = stage.shop.authorized("a", 1_000, json!({})).await;
    stage.fault("void", "decline", 1).await;
    stage.shop.command("cancel", id, json!({"reason": "changed my mind", "idempotencyKey": "c"})).await;
    let letter = stage.letter("refund.dlq", id).await;
    assert_eq!(letter["operation"], "void", "{letter}");
    assert_eq!(stage.shop.get(id).await["cancelRequested"], true);
    stage.act("discard", "refund.dlq", &letter);
    let payment =
        stage.shop.until(id, "the cancel withdrawn", |payment| payment["cancelRequested"] == false).await;
    assert_eq!(payment["status"], "AUTHORIZED");
}
