//! Killing each part of the tree in turn.

use serde_json::{Value, json};

use crate::client::{Desk, Merchant};
use crate::engine::Engine;
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    every_part_comes_back_and_its_neighbours_do_not_notice,
    an_authorization_whose_shard_dies_is_answered_before_its_deadline,
    too_many_restarts_end_the_program_with_a_clear_message,
    acts_need_a_reason_and_a_target_and_spare_the_root,
}

async fn node(desk: &Desk, path: &str) -> Value {
    desk.get(&format!("/api/admin/actors?path={path}")).await.json()["tree"].clone()
}

async fn until_generation(desk: &Desk, path: &str, generation: u64) -> Value {
    for _ in 0..2_000 {
        let found = node(desk, path).await;
        if found["generation"] == generation && matches!(found["state"].as_str(), Some("running" | "busy")) {
            return found;
        }
    }
    panic!("{path} never reached generation {generation}: {}", node(desk, path).await);
}

async fn every_part_comes_back_and_its_neighbours_do_not_notice(world: World) {
    let engine = Engine::start_with(world, &[("PAYMENT__SUPERVISION__RESTART_COUNT", "100")]);
    let (shop, desk) = (Merchant::new(&engine, "shop-1"), Desk::operator(&engine));
    let id = shop.authorized("before", 1_000, json!({})).await;
    let shard = (0..16).map(|index| format!("root/payments/shard-{index}"));
    let mut home = None;
    for path in shard {
        let found = node(&desk, &format!("{path}/payment/{id}")).await;
        if found["kind"] == "payment" {
            home = Some(path);
            break;
        }
    }
    let home = home.expect("the payment's actor is in the tree");
    let parts = [
        format!("{home}/payment/{id}"),
        home,
        "root/breakers/kafka-publisher".to_owned(),
        "root/breakers".to_owned(),
        "root/journal/lane-0".to_owned(),
        "root/journal".to_owned(),
        "root/settlement".to_owned(),
        "root/refund".to_owned(),
        "root/outbox/lane-0".to_owned(),
        "root/outbox".to_owned(),
        "root/ledger".to_owned(),
        "root/recovery".to_owned(),
        "root/limiter".to_owned(),
        "root/payments".to_owned(),
    ];
    for (round, path) in parts.iter().enumerate() {
        let before = node(&desk, path).await;
        let generation =
            before["generation"].as_u64().unwrap_or_else(|| panic!("{path} is in the tree: {before}"));
        let killed = desk.post("/api/admin/actors/kill", json!({"path": path, "reason": "a drill"})).await;
        assert_eq!(killed.status, 202, "{path}: {}", killed.json());
        assert!(killed.json()["auditId"].is_string());
        let after = until_generation(&desk, path, generation + 1).await;
        assert_eq!(after["lastExit"]["reason"], "killed", "{path}");
        assert!(after["restartsTotal"].as_u64() > before["restartsTotal"].as_u64(), "{path}");
        assert_eq!(node(&desk, "root").await["generation"], 1, "the root did not notice {path}");
        let id = shop.authorized(&format!("after-{round}"), 1_000, json!({"captureMode": "automatic"})).await;
        shop.until_status(id, "CAPTURED").await;
    }
    assert_eq!(shop.get(id).await["status"], "AUTHORIZED");
    let check = engine.command(&["check", "--require-work"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

async fn an_authorization_whose_shard_dies_is_answered_before_its_deadline(world: World) {
    // Where others may be at work, what is under way is theirs until the lease is over.
    let engine = Engine::start_with(world, &[("PAYMENT__PAYMENTS__LEASE", "2s")]);
    let (shop, desk) = (Merchant::new(&engine, "shop-1"), Desk::operator(&engine));
    let fault = json!({"operation": "authorize", "fault": "late-answer", "count": 1, "delayMs": 600_000});
    Desk::pg(&engine).post("/v1/faults", fault).await;
    let authorization = tokio::task::spawn_local({
        let shop = shop.clone();
        async move { shop.authorize("held", 1_000, json!({})).await.expect("an answer") }
    });
    let home = loop {
        let shards = node(&desk, "root/payments").await["children"].as_array().cloned().unwrap_or_default();
        if let Some(shard) = shards.iter().find(|shard| shard["childrenTotal"] != 0) {
            break shard["path"].as_str().expect("a path").to_owned();
        }
    };
    while Desk::pg(&engine).record().await.is_empty() {}
    let killed = desk.post("/api/admin/actors/kill", json!({"path": home, "reason": "a drill"})).await;
    assert_eq!(killed.status, 202);
    let answer = authorization.await.expect("the client lives");
    let told = (answer.status, answer.json()["status"].as_str().unwrap_or_default().to_owned());
    // Sweeps that leave others their leases may come after the deadline; then it is told what is known by then.
    let in_time = [(200, "AUTHORIZED".to_owned()), (202, "READY".to_owned())];
    let allowed = if world == World::Embedded { &in_time[..1] } else { &in_time };
    assert!(allowed.contains(&told), "{}", answer.json());
    let id = answer.json()["paymentId"].as_u64().expect("a payment id");
    shop.until_status(id, "AUTHORIZED").await;
    assert_eq!(Desk::pg(&engine).approvals(id, "authorize").await, 1);
}

async fn too_many_restarts_end_the_program_with_a_clear_message(world: World) {
    let mut engine = Engine::start_with(world, &[("PAYMENT__SUPERVISION__RESTART_COUNT", "2")]);
    payment_engine::tls::choose_ring();
    let http = reqwest::Client::new();
    let url = format!("http://{}/api/admin/actors/kill", engine.operator);
    for _ in 0..200 {
        let kill = http.post(&url).json(&json!({"path": "root/ledger", "reason": "to the end"})).send().await;
        if kill.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    }
    let status = engine.wait_for_end();
    assert_eq!(status.code(), Some(1));
    assert!(engine.log().contains("root/ledger"), "the last words name the part: {}", engine.log());
}

async fn acts_need_a_reason_and_a_target_and_spare_the_root(world: World) {
    let engine = Engine::start(world);
    let desk = Desk::operator(&engine);
    for (body, status) in [
        (json!({"path": "root/ledger"}), 400),
        (json!({"path": "root/ledger", "reason": ""}), 400),
        (json!({"path": "root/nobody", "reason": "a drill"}), 404),
        (json!({"path": "root", "reason": "a drill"}), 409),
    ] {
        assert_eq!(desk.post("/api/admin/actors/kill", body.clone()).await.status, status, "{body}");
    }
    let paused =
        desk.post("/api/admin/actors/pause", json!({"path": "root/limiter", "reason": "a drill"})).await;
    assert_eq!(paused.status, 202);
    let audit = desk.get("/api/admin/audit").await.json();
    assert!(audit.to_string().contains("a drill"), "{audit}");
}
