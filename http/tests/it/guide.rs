//! The guide `docs/api.md`: every request in it is one that the face takes.

use std::collections::BTreeSet;

use actix_web::test::TestRequest;

use crate::support::desk::Desk;
use crate::support::{Face, post};

const GUIDE: &str = include_str!("../../../docs/api.md");

/// One `curl` of the guide.
struct Example {
    base: &'static str,
    path: String,
    key: Option<String>,
    body: Option<String>,
}

/// The shell blocks of the guide, but for the one that sets variables.
fn examples() -> Vec<Example> {
    let blocks = GUIDE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.filter(|block| block.starts_with("curl")).map(example).collect()
}

fn example(block: &str) -> Example {
    let base = if block.contains("$API") { "$API" } else { "$OPS" };
    let path = block.split(base).nth(1).unwrap().split(['"', ' ', '\n']).next().unwrap();
    let quoted =
        |start: &str| block.split(start).nth(1).map(|rest| rest.split('\'').next().unwrap().to_owned());
    Example { base, path: path.to_owned(), key: quoted("-H 'Idempotency-Key: "), body: quoted("-d '") }
}

fn request(example: &Example) -> TestRequest {
    let request = match &example.body {
        Some(body) => post(&example.path, body),
        None => TestRequest::get().uri(&example.path),
    };
    match &example.key {
        Some(key) => request.insert_header(("Idempotency-Key", key.as_str())),
        None => request,
    }
}

#[actix_web::test]
async fn its_payments_requests_are_taken() {
    let face = Face::new();
    let examples: Vec<_> = examples().into_iter().filter(|example| example.base == "$API").collect();
    assert!(examples.len() >= 8);
    for example in &examples {
        // The fake knows another merchant's payments only; all else is the face's own doing.
        let path = example.path.replace("merchantId=merchant-1", "merchantId=shop+%26%20co%2F1");
        let example = Example { base: "", path, key: example.key.clone(), body: example.body.clone() };
        let reply = face.send(request(&example)).await;
        assert_eq!(reply.status, 200, "{}", example.path);
    }
}

#[actix_web::test]
async fn its_operator_requests_are_routed_and_read() {
    let desk = Desk::open().await;
    let mut seen = BTreeSet::new();
    for example in examples().iter().filter(|example| example.base == "$OPS") {
        if example.path.contains("/stream") {
            continue;
        }
        let reply = desk.send(request(example)).await;
        // The small tree has no outbox, and the fake no such letter.
        assert!([200, 202, 404].contains(&reply.status), "{}: {}", example.path, reply.status);
        assert!(!reply.body.windows(20).any(|text| text == b"nothing at this path"), "{}", example.path);
        seen.insert(example.path.clone());
    }
    assert!(seen.len() >= 10);
    desk.close().await;
}
