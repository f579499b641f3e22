//! API keys from the command line to the request: made and revoked beside a running engine, read from files, and
//! needed before anybody else's machine is let in.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::Engine;
use crate::process::{PATIENCE, program};
use crate::world::{World, on_both_worlds};

on_both_worlds! {
    keys_come_and_go_beside_a_running_engine,
    operators_keys_protect_the_operator_listener_alone,
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Everybody's, on a port that is free.
const EVERYWHERE: &str = "0.0.0.0:0";

/// A key as `keys create --json` shows it.
struct Made {
    id: String,
    secret: String,
}

fn make(engine: &Engine, whose: &[&str]) -> Made {
    let made = engine.program().args(["keys", "create", "--json"]).args(whose).output();
    let made = made.expect("the program runs");
    assert!(made.status.success(), "{}", words(&made));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    Made { id: text("id"), secret: text("secret") }
}

async fn status(request: RequestBuilder, secret: &str) -> u16 {
    let request = if secret.is_empty() { request } else { request.bearer_auth(secret) };
    request.send().await.expect("an answer").status().as_u16()
}

/// What a request of `merchant` with this key is answered.
async fn asked(engine: &Engine, merchant: &str, secret: &str) -> u16 {
    let url = format!("http://{}/api/payments?merchantId={merchant}", engine.public);
    status(Client::new().get(url), secret).await
}

/// Waits until a request with this key is answered like this; says how long it took.
async fn until(engine: &Engine, merchant: &str, secret: &str, wished: u16) -> Duration {
    let begun = Instant::now();
    while asked(engine, merchant, secret).await != wished {
        assert!(begun.elapsed() < PATIENCE, "{wished} never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn keys_come_and_go_beside_a_running_engine(world: World) {
    let mut engine = Engine::start(world);
    assert_eq!(asked(&engine, "shop-1", "").await, 200, "nobody is asked before there is a key");

    let first = make(&engine, &["--merchant", "shop-1", "--label", "till 4"]);
    until(&engine, "shop-1", "", 401).await;
    assert_eq!(asked(&engine, "shop-1", &first.secret).await, 200);
    assert_eq!(asked(&engine, "shop-2", &first.secret).await, 403);
    let pay = json!({"merchantId": "shop-1", "amount": 1, "currency": "USD", "idempotencyKey": "k"});
    let url = format!("http://{}/api/payments/authorize", engine.public);
    let authorize = |secret: &'static str| status(Client::new().post(&url).json(&pay), secret);
    assert_eq!(authorize("").await, 401);
    assert_eq!(authorize(SECRET).await, 401);

    let second = make(&engine, &["--merchant", "shop-1"]);
    until(&engine, "shop-1", &second.secret, 200).await;
    assert_eq!(asked(&engine, "shop-1", &first.secret).await, 200, "both live while keys are rotated");
    let revoked = engine.command_json(&["keys", "revoke", &first.id, "--reason", "rotated", "--json"]);
    assert_eq!(revoked["changed"], true);
    let took = until(&engine, "shop-1", &first.secret, 401).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(asked(&engine, "shop-1", &second.secret).await, 200);

    engine.command_json(&["keys", "revoke", &second.id, "--json"]);
    until(&engine, "shop-1", &second.secret, 401).await;
    assert_eq!(engine.command_json(&["keys", "revoke", &second.id, "--json"])["changed"], false);
    engine.kill();
    engine.restart();
    assert_eq!(asked(&engine, "shop-1", "").await, 401, "what was protected never opens by itself");
    check_traces(&engine, &[&first, &second]).await;
}

/// What is left of two keys that were made and revoked: their rows and the audit, and their secrets nowhere.
async fn check_traces(engine: &Engine, keys: &[&Made]) {
    let listed = engine.command_json(&["keys", "list", "--json"]);
    let ids: Vec<&Value> = listed["keys"].as_array().expect("keys").iter().map(|key| &key["id"]).collect();
    assert_eq!(ids, keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>());
    assert_eq!(
        (&listed["keys"][0]["label"], &listed["keys"][0]["merchantId"]),
        (&json!("till 4"), &json!("shop-1"))
    );
    assert!(listed["keys"].as_array().expect("keys").iter().all(|key| key["revokedAt"].is_string()));

    let url = format!("http://{}/api/admin/audit", engine.operator);
    let audit = Client::new().get(url).send().await.expect("an answer").bytes().await.expect("a body");
    let audit: Value = serde_json::from_slice(&audit).expect("JSON");
    let acts = audit["entries"].as_array().expect("entries");
    let acts: Vec<_> = acts.iter().map(|act| (act["what"].as_str(), act["reason"].as_str())).collect();
    let of = |what, reason| (Some(what), Some(reason));
    let expected = [("revoke-key", "not given"), ("revoke-key", "rotated"), ("create-key", "not given")];
    assert_eq!(acts[..3], expected.map(|(what, reason)| of(what, reason)));

    for file in std::fs::read_dir(engine.data_dir()).expect("the data directory").flatten() {
        let Ok(bytes) = std::fs::read(file.path()) else { continue };
        for key in keys {
            let kept = bytes.windows(key.secret.len()).any(|text| text == key.secret.as_bytes());
            assert!(!kept, "{} holds a secret", file.path().display());
        }
    }
    assert!(keys.iter().all(|key| !engine.log().contains(&key.secret)));
}

async fn operators_keys_protect_the_operator_listener_alone(world: World) {
    let engine = Engine::start(world);
    let key = make(&engine, &["--label", "alice", "--operator"]);
    let base = format!("http://{}", engine.operator);
    let begun = Instant::now();
    while status(Client::new().get(format!("{base}/metrics")), "").await != 401 {
        assert!(begun.elapsed() < PATIENCE, "the key never came to be known");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(Client::new().get(format!("{base}/metrics")), &key.secret).await, 200);
    assert_eq!(status(Client::new().get(format!("{base}/actuator/health")), "").await, 200);
    assert_eq!(asked(&engine, "shop-1", "").await, 200, "merchants are not asked for operators' keys");

    let refused = engine.command(&["tree"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = words(&refused);
    assert!(said.contains("PAYMENT_OPERATOR_KEY") && said.contains("keys create --operator"), "{said}");
    let file = engine.data_dir().join("operator-key");
    std::fs::write(&file, format!("{}\n", key.secret)).expect("a file");
    let file = file.to_str().expect("a path");
    for arguments in [&["tree"][..], &["dlq", "list", "settlement.dlq"]] {
        let shown = engine.command(&[arguments, &["--operator-key-file", file]].concat());
        assert!(shown.status.success(), "{}", words(&shown));
    }
    let by_variable = program(&engine.data_dir(), &[("PAYMENT_OPERATOR_KEY".to_owned(), key.secret.clone())])
        .args(["tree", "--operator", &base])
        .output()
        .expect("the program runs");
    assert!(by_variable.status.success(), "{}", words(&by_variable));

    let act = json!({"path": "root/outbox", "reason": "drill"});
    let act = Client::new().post(format!("{base}/api/admin/actors/pause")).json(&act);
    assert_eq!(status(act, &key.secret).await, 202);
    let audit = Client::new().get(format!("{base}/api/admin/audit?limit=1")).bearer_auth(&key.secret);
    let audit = audit.send().await.expect("an answer").bytes().await.expect("a body");
    let audit: Value = serde_json::from_slice(&audit).expect("JSON");
    assert_eq!(audit["entries"][0]["who"], format!("alice (key {})", key.id));
}

/// What the program says when it is to listen like this and ends at once.
fn refused(dir: &Path, arguments: &[&str]) -> String {
    let loopback =
        ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--pg-listen", "127.0.0.1:0"];
    let kept = loopback.chunks(2).filter(|pair| !arguments.contains(&pair[0])).flatten();
    let output = program(dir, &[("RUST_LOG".to_owned(), "off".to_owned())])
        .args(kept)
        .args(arguments)
        .output()
        .expect("the program runs");
    let said = words(&output);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    said
}

#[actix_rt::test]
async fn without_a_key_nobody_listens_beyond_this_machine() {
    let dir = TempDir::new().expect("a temporary directory");
    let data = dir.path().join("data");
    let create = |whose: &[&str]| {
        let made = program(&data, &[]).args(["keys", "create"]).args(whose).output();
        assert!(made.expect("the program runs").status.success());
    };
    create(&["--operator"]);
    let said = refused(&data, &["--listen", EVERYWHERE]);
    for word in [
        "http.listen",
        EVERYWHERE,
        "`payment-engine keys create --merchant ID`",
        "http.keys_file",
        "127.0.0.1",
    ] {
        assert!(said.contains(word), "{word:?} is missing: {said}");
    }
    let other = TempDir::new().expect("a temporary directory");
    let said = refused(&other.path().join("data"), &["--operator-listen", "[::]:0"]);
    assert!(
        said.contains("operator.listen") && said.contains("`payment-engine keys create --operator`"),
        "{said}"
    );

    create(&["--merchant", "shop-1"]);
    let listen = [("PAYMENT__HTTP__LISTEN", EVERYWHERE), ("PAYMENT__OPERATOR__LISTEN", EVERYWHERE)];
    let engine = Engine::start_in(dir, &listen);
    assert_eq!(asked(&engine, "shop-1", "").await, 401);
}

#[actix_rt::test]
async fn keys_are_read_from_files() {
    let files = TempDir::new().expect("a temporary directory");
    let path = |name: &str| files.path().join(name).to_str().expect("a path").to_owned();
    let (merchants, operators) = (path("merchants"), path("operators"));
    let other = SECRET.to_uppercase();
    std::fs::write(&merchants, format!("shop-1:{SECRET}\nshop-2:{other}\n")).expect("a file");
    std::fs::write(&operators, format!("prometheus:{SECRET}x\n")).expect("a file");
    let mut engine = Engine::start_with(
        World::Embedded,
        &[
            ("PAYMENT__HTTP__LISTEN", EVERYWHERE),
            ("PAYMENT__OPERATOR__LISTEN", EVERYWHERE),
            ("PAYMENT__HTTP__KEYS_FILE", &merchants),
            ("PAYMENT__OPERATOR__KEYS_FILE", &operators),
        ],
    );
    let cases =
        [("shop-1", SECRET, 200), ("shop-2", &other, 200), ("shop-2", SECRET, 403), ("shop-1", "", 401)];
    for (merchant, secret, expected) in cases {
        assert_eq!(asked(&engine, merchant, secret).await, expected, "{merchant}");
    }
    let health = format!("http://{}/health/ready", engine.public);
    assert_eq!(status(Client::new().get(health), "").await, 200);
    assert!(engine.command(&["tree"]).status.success(), "commands find the key where the engine does");
    assert!(!words(&engine.command(&["config"])).contains(SECRET));
    assert_eq!(engine.terminate().code(), Some(0));

    std::fs::write(&merchants, "shop-1:short\n").expect("a file");
    let dir = TempDir::new().expect("a temporary directory");
    let config = dir.path().join("engine.toml");
    std::fs::write(&config, format!("[http]\nkeys_file = \"{merchants}\"\n")).expect("a file");
    let said = refused(dir.path(), &["--config", config.to_str().expect("a path")]);
    assert!(said.contains("line 1") && said.contains("http.keys_file") && !said.contains("short"), "{said}");
}
