//! The load against small servers of our own: what it asks, what it counts, and how it ends.

mod bank;
mod run;
mod server;

use bank::Bank;
use run::load;
use serde_json::json;
use server::{Reply, Server};

#[test]
fn a_full_flow_is_followed_to_its_final_state() {
    let bank = Bank::new();
    let server = Server::start(bank.handler());
    let run = load(&server.url("/some/base"), "--flow full --rate 200 --duration 500ms");
    assert_eq!(run.code, Some(0), "{}", run.words);
    assert_eq!(run.json["flows_begun"], 100);
    assert_eq!(run.json["flows_completed"], 100);
    assert_eq!(run.json["requests"], 300);
    assert_eq!(run.json["ok"], 300);
    assert_eq!(run.json["errors"], json!({}));
    assert_eq!(run.json["statuses"]["capture"], json!({"200": 100}));
    assert_eq!(bank.in_state("REFUNDED"), 100);
    assert!(server.paths().iter().all(|path| path.starts_with("/some/base/payments/")));
}

#[test]
fn keys_are_unique_among_runs_and_spread_over_merchants() {
    let bank = Bank::new();
    let server = Server::start(bank.handler());
    for _ in 0..2 {
        let run = load(&server.url(""), "--rate 500 --duration 200ms --merchants 7");
        assert_eq!(run.code, Some(0), "{}", run.words);
    }
    assert_eq!(bank.payments(), 200);
    assert_eq!(bank.merchants(), 7);
}

#[test]
fn declines_are_results_and_refusals_are_errors() {
    let statuses = [402, 429, 503, 200];
    let server = Server::start(move |request| {
        let status = statuses[usize::try_from(request.number).expect("few requests") % statuses.len()];
        Reply::new(status, json!({"paymentId": 2048, "status": "AUTHORIZED"}))
    });
    let run =
        load(&server.url("/api"), "--rate 400 --duration 500ms --expect errors<1%,p95<1m,declined<=25%");
    assert_eq!(run.code, Some(1), "{}", run.words);
    assert_eq!(
        (&run.json["requests"], &run.json["ok"], &run.json["declined"]),
        (&json!(200), &json!(50), &json!(50))
    );
    assert_eq!(run.json["errors"], json!({"429": 50, "503": 50}));
    assert!(run.words.contains("errors<1% does not hold: 50.00 was seen"), "{}", run.words);
    let holds: Vec<bool> = run.json["expectations"]
        .as_array()
        .expect("verdicts")
        .iter()
        .map(|verdict| verdict["holds"] == true)
        .collect();
    assert_eq!(holds, [false, true, true]);
}

#[test]
fn replays_and_wrong_requests_are_counted_apart() {
    let bank = Bank::new();
    let server = Server::start(bank.handler());
    let run = load(&server.url("/api"), "--rate 500 --duration 1s --replays 0.2 --wrong 0.1");
    assert_eq!(run.code, Some(0), "{}", run.words);
    assert_eq!(run.json["wrong"], json!({"requests": 50, "as_expected": 50}));
    let replays = run.json["replays"]["requests"].as_u64().expect("a count");
    assert!((80..=90).contains(&replays), "{replays} replays");
    assert_eq!(run.json["replays"]["as_expected"], replays);
    assert_eq!(run.json["flows_completed"].as_u64(), Some(450 - replays));
    assert_eq!(bank.payments() as u64, 450 - replays);
}

#[test]
fn no_answer_is_an_error() {
    let server = Server::start(|_| Reply::silence());
    let run = load(&server.url("/api"), "--rate 100 --duration 100ms --timeout 100ms --expect errors<1%");
    assert_eq!(run.code, Some(1), "{}", run.words);
    assert_eq!(run.json["errors"], json!({"timeout": 10}));
    // Nobody listens on the lowest port, and no server of another test can be given it.
    let run = load("http://127.0.0.1:1/api", "--rate 100 --duration 100ms");
    assert_eq!(run.json["errors"], json!({"connect": 10}), "{}", run.words);
}

#[test]
fn a_request_on_a_connection_that_was_closed_meanwhile_is_sent_again() {
    let bank = Bank::new();
    let server = Server::start_closing_after(3, bank.handler());
    let run = load(&server.url("/api"), "--rate 200 --duration 500ms --connections 2");
    assert_eq!(run.code, Some(0), "{}", run.words);
    assert_eq!(run.json["errors"], json!({}), "{}", run.words);
    assert_eq!(bank.payments(), 100);
    assert!(run.json["connections"]["opened"].as_u64() > Some(20), "{}", run.json["connections"]);
    assert!(run.json["connections"]["peak"].as_u64() <= Some(2), "{}", run.json["connections"]);
}

#[test]
fn a_key_speaks_for_its_merchant() {
    let server = Server::start(|request| {
        let fits =
            request.body.contains("\"merchantId\":\"shop\"") && request.bearer.as_deref() == Some("s3cret");
        Reply::new(if fits { 200 } else { 403 }, json!({}))
    });
    let directory = tempfile::tempdir().expect("a directory");
    let keys = directory.path().join("keys");
    std::fs::write(&keys, "shop s3cret\n").expect("a file");
    let options = format!("--rate 100 --duration 200ms --key-file {} --expect errors<1%", keys.display());
    let run = load(&server.url("/api"), &options);
    assert_eq!(run.code, Some(0), "{}", run.words);
    assert!(!run.words.contains("s3cret"));
}

#[test]
fn what_cannot_be_driven_is_said_in_one_sentence() {
    let run = load("https://127.0.0.1:1/api", "--rate 1");
    assert_eq!(run.code, Some(1));
    assert!(
        run.words.contains("payment-bench: https://127.0.0.1:1/api does not begin with http://"),
        "{}",
        run.words
    );
    assert_eq!(load("http://127.0.0.1:1", "--rate none").code, Some(2));
}
