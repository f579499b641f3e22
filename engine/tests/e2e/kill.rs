//! Death at any moment, again and again, under load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::client::{Desk, Merchant};
use crate::engine::{Engine, PATIENCE};

const DEATHS: u64 = 20;

/// Merchant and key of an authorization.
type Name = (String, String);

/// What clients were told: by key, the status and bytes of every success.
#[derive(Default)]
struct Told {
    authorized: Mutex<BTreeMap<Name, (u16, Vec<u8>)>>,
    accepted: Mutex<BTreeMap<u64, (String, Vec<&'static str>)>>,
    requests: AtomicU64,
    stop: AtomicBool,
}

/// One client that lives one payment after another until told to stop.
async fn client(shop: Merchant, round: u64, lane: u64, told: Arc<Told>) {
    for number in 0.. {
        if told.stop.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("{round}-{lane}-{number}");
        told.requests.fetch_add(1, Ordering::Relaxed);
        let Ok(answer) = shop.authorize(&key, 1_000, json!({})).await else { return };
        if !matches!(answer.status, 200 | 402) {
            continue;
        }
        let id = answer.json()["paymentId"].as_u64().expect("a payment id");
        told.authorized.lock().insert((shop.id.clone(), key), (answer.status, answer.bytes));
        if answer.status == 402 {
            continue;
        }
        let (what, body) = match number % 3 {
            0 => ("capture", json!({"amount": 600})),
            1 => ("cancel", json!({"reason": "drill"})),
            _ => continue,
        };
        let body = {
            let mut body = body;
            body["merchantId"] = json!(shop.id);
            body
        };
        let Ok(answer) = shop.post(&format!("{what}/{id}"), body).await else { return };
        if matches!(answer.status, 200 | 202) {
            told.accepted.lock().entry(id).or_insert((shop.id.clone(), Vec::new())).1.push(what);
        }
    }
}

/// A cheap pseudo-random number, so that each death comes at another moment.
fn moment(round: u64) -> Duration {
    Duration::from_millis(
        60 + (round.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33)
            % 500,
    )
}

#[actix_rt::test]
async fn twenty_deaths_under_load_lose_and_double_nothing() {
    let mut engine = Engine::start();
    let told = Arc::new(Told::default());
    for round in 0..DEATHS {
        told.stop.store(false, Ordering::Relaxed);
        let clients: Vec<_> = (0..8)
            .map(|lane| {
                let shop = Merchant::new(&engine, &format!("shop-{lane}"));
                actix_rt::spawn(client(shop, round, lane, Arc::clone(&told)))
            })
            .collect();
        tokio::time::sleep(moment(round)).await;
        engine.kill();
        told.stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.await.expect("a client does not panic");
        }
        engine.restart();
    }
    let authorized = told.authorized.lock().clone();
    let accepted = told.accepted.lock().clone();
    assert!(authorized.len() > 50, "enough successes to mean something: {}", authorized.len());

    for ((merchant, key), (status, bytes)) in &authorized {
        let shop = Merchant::new(&engine, merchant);
        let again = shop.authorize(key, 1_000, json!({})).await.expect("an answer");
        assert_eq!((again.status, &again.bytes), (*status, bytes), "the answer to {key} is found again");
    }
    for (id, (merchant, what)) in &accepted {
        let shop = Merchant::new(&engine, merchant);
        let ends: &[&str] = if what.contains(&"capture") { &["CAPTURED"] } else { &["CANCELLED"] };
        let done = |payment: &Value| payment["status"].as_str().is_some_and(|status| ends.contains(&status));
        shop.until(*id, &format!("{ends:?}"), done).await;
    }
    assert_money_moved_once(&engine).await;
    assert_check_is_clean(&engine).await;
}

async fn assert_money_moved_once(engine: &Engine) {
    let mut approvals: BTreeMap<(u64, String), u32> = BTreeMap::new();
    for entry in Desk::pg(engine).record().await {
        if entry["result"] == "approved" {
            let id = entry["paymentId"].as_u64().expect("a payment id");
            let operation = entry["operation"].as_str().expect("an operation").to_owned();
            *approvals.entry((id, operation)).or_default() += 1;
        }
    }
    for ((id, operation), count) in approvals {
        assert_eq!(count, 1, "{operation} of payment {id}");
    }
}

/// Everything rests or is terminal within a minute, and every invariant holds.
async fn assert_check_is_clean(engine: &Engine) {
    let begun = Instant::now();
    loop {
        let check = engine.command_json(&["check", "--json"]);
        let broken: Vec<&Value> = check["invariants"]
            .as_array()
            .expect("invariants")
            .iter()
            .filter(|line| line["holds"] == false)
            .collect();
        assert!(broken.is_empty(), "{broken:?}");
        assert_eq!(check["vacuous"], false);
        if check["inFlight"] == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still in flight: {check}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
