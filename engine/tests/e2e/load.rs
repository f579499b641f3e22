//! Clients that live payments' lives as fast as they are told to, what they heard, and whether it turns out true.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::client::{Answer, Desk, Merchant};
use crate::engine::Engine;
use crate::process::PATIENCE;

/// Clients at a time.
const CLIENTS: u64 = 8;

/// How long a client waits before it repeats what was not done.
const AGAIN: Duration = Duration::from_millis(50);

/// Merchant and key of an authorization.
type Name = (String, String);

/// What clients were told.
#[derive(Default)]
pub(crate) struct Told {
    /// By key, the status and bytes of every answer that is final.
    authorized: Mutex<BTreeMap<Name, (u16, Vec<u8>)>>,
    /// By payment, what was accepted and for whom.
    accepted: Mutex<BTreeMap<u64, (String, Vec<&'static str>)>>,
    /// Every answer that is neither a success nor a decline.
    refusals: Mutex<Vec<Answer>>,
    unanswered: AtomicU64,
}

impl Told {
    /// Authorizations that have their answer.
    pub(crate) fn successes(&self) -> usize {
        self.authorized.lock().len()
    }

    /// Requests whose connection broke before there was an answer.
    pub(crate) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Every answer that is neither a success nor a decline.
    pub(crate) fn refusals(&self) -> Vec<Answer> {
        self.refusals.lock().clone()
    }

    /// Returns once so many more authorizations than now have their answer; each must come in time.
    pub(crate) async fn until_more(&self, more: usize) {
        let mut newest = (Instant::now(), self.successes());
        let wanted = newest.1 + more;
        while newest.1 < wanted {
            assert!(newest.0.elapsed() < PATIENCE, "{} of {wanted} authorizations, and no further", newest.1);
            tokio::time::sleep(Duration::from_millis(10)).await;
            if self.successes() > newest.1 {
                newest = (Instant::now(), self.successes());
            }
        }
    }
}

/// Clients at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Sends clients to these engines, in turn and mixed; no other load of the same `told` has this name. Each client
    /// begins a payment once in `pace` at most.
    pub(crate) fn start(engines: &[&Engine], told: &Arc<Told>, name: &str, pace: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|lane| {
            let id = format!("shop-{lane}");
            let client = Client {
                shops: engines.iter().map(|engine| Merchant::new(engine, &id)).collect(),
                requests: AtomicU64::new(lane),
                told: Arc::clone(told),
                stop: Arc::clone(&stop),
            };
            actix_rt::spawn(client.live(format!("{name}-{lane}"), pace))
        });
        Self { clients: clients.collect(), stop }
    }

    /// Has them finish the request they are at.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("a client does not panic");
        }
    }
}

struct Client {
    /// The same merchant at each engine.
    shops: Vec<Merchant>,
    requests: AtomicU64,
    told: Arc<Told>,
    stop: Arc<AtomicBool>,
}

impl Client {
    /// Lives one payment after another until told to stop, or until nobody answers.
    async fn live(self, name: String, pace: Duration) {
        let mut pace = tokio::time::interval(pace.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for number in 0.. {
            pace.tick().await;
            if self.payment(format!("{name}-{number}"), number).await.is_none() {
                return;
            }
        }
    }

    /// `None`: the client has to end.
    async fn payment(&self, key: String, number: u64) -> Option<()> {
        let body = json!({"amount": 1_000, "currency": "USD", "idempotencyKey": key});
        let answer = self.insist("authorize", body, &[200, 402]).await?;
        let shop = self.shops.first().expect("there is an engine").id.clone();
        let told = (answer.status, answer.bytes.clone());
        self.told.authorized.lock().insert((shop.clone(), key), told);
        if answer.status == 402 {
            return Some(());
        }
        let id = answer.json()["paymentId"].as_u64().expect("a payment id");
        let (what, body) = match number % 3 {
            0 => ("capture", json!({"amount": 600})),
            1 => ("cancel", json!({"reason": "drill"})),
            _ => return Some(()),
        };
        // Twice at the same time: they meet in one engine, or in two that know nothing of each other.
        let path = format!("{what}/{id}");
        let (one, other) = tokio::join!(
            self.insist(&path, body.clone(), &[200, 202]),
            self.insist(&path, body, &[200, 202])
        );
        one.or(other)?;
        self.told.accepted.lock().entry(id).or_insert((shop, Vec::new())).1.push(what);
        Some(())
    }

    /// Repeats a request, at one engine after the other, until it is answered as wished.
    async fn insist(&self, path: &str, mut body: Value, wished: &[u16]) -> Option<Answer> {
        while !self.stop.load(Ordering::Relaxed) {
            // Not simply in turn, or each kind of request would always meet the same engine.
            let drawn = self
                .requests
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_add(1)
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let engines = u64::try_from(self.shops.len()).expect("a few");
            let shop = &self.shops[usize::try_from((drawn >> 33) % engines).expect("a few")];
            body["merchantId"] = json!(shop.id);
            let Ok(answer) = shop.post(path, body.clone()).await else {
                self.told.unanswered.fetch_add(1, Ordering::Relaxed);
                return None;
            };
            if wished.contains(&answer.status) {
                return Some(answer);
            }
            // An authorization whose outcome is not known yet is no refusal.
            if answer.status != 202 {
                self.told.refusals.lock().push(answer);
            }
            tokio::time::sleep(AGAIN).await;
        }
        None
    }
}

/// Everything that clients were told is true, money moved once, nothing is left undone, and every invariant holds.
pub(crate) async fn audit(told: &Told, engine: &Engine, pg: &Desk) {
    let authorized = told.authorized.lock().clone();
    let shops: BTreeMap<String, Merchant> =
        authorized.keys().map(|(id, _)| (id.clone(), Merchant::new(engine, id))).collect();
    let shops = &shops;
    stream::iter(authorized)
        .for_each_concurrent(8, |((merchant, key), (status, bytes))| async move {
            let again = shops[&merchant].authorize(&key, 1_000, json!({})).await;
            let again = again.expect("an answer");
            assert_eq!((again.status, &again.bytes), (status, &bytes), "the answer to {key} is found again");
        })
        .await;
    let accepted = told.accepted.lock().clone();
    stream::iter(accepted)
        .for_each_concurrent(8, |(id, (merchant, what))| async move {
            let end = if what.contains(&"capture") { "CAPTURED" } else { "CANCELLED" };
            shops[&merchant].until_status(id, end).await;
        })
        .await;
    assert_money_moved_once(pg).await;
    assert_check_is_clean(engine).await;
}

async fn assert_money_moved_once(pg: &Desk) {
    let mut approvals: BTreeMap<(u64, String), u32> = BTreeMap::new();
    for entry in pg.record().await {
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
pub(crate) async fn assert_check_is_clean(engine: &Engine) {
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
