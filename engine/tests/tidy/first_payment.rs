//! The README's first payment works as printed.
//!
//! Owns an engine of its own, on free ports and a fresh data directory, and puts every `curl` line of that section to
//! it, addresses replaced. Also compares the tree that the README shows with the one that this engine has.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;
use tempfile::TempDir;

use crate::markdown;
use crate::tree::Tree;

/// How long anything may take that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running engine; killed when it is dropped.
struct Engine {
    child: Child,
    public: String,
    operator: String,
    _dir: TempDir,
}

impl Engine {
    async fn start() -> Self {
        let dir = TempDir::new().expect("a directory for the engine");
        let ready = dir.path().join("ready.json");
        let child = Command::new(env!("CARGO_BIN_EXE_payment-engine"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--operator-listen",
                "127.0.0.1:0",
                "--pg-listen",
                "127.0.0.1:0",
            ])
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg("--ready-file")
            .arg(&ready)
            .env_clear()
            // As on a machine with two processors, whatever the one that tests has.
            .env("PAYMENT__PAYMENTS__SHARDS", "1")
            // Hardly ever declines, and answers at once.
            .env("MOCK_PG_LOADTEST_MODE", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program was built with this test");
        let mut engine = Self { child, public: String::new(), operator: String::new(), _dir: dir };
        let addresses =
            tokio::time::timeout(PATIENCE, read_when_there(&ready)).await.expect("the engine starts");
        engine.public = address(&addresses, "public");
        engine.operator = address(&addresses, "operator");
        engine
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed by then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(addresses: &Value, name: &str) -> String {
    addresses[name].as_str().expect("the ready file names every listener").to_owned()
}

async fn read_when_there(path: &Path) -> Value {
    loop {
        if let Ok(text) = std::fs::read(path) {
            return serde_json::from_slice(&text).expect("the ready file appears whole");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One `curl` line of the README.
#[derive(Debug, PartialEq)]
struct Curl {
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Curl {
    fn parse(line: &str) -> Self {
        let mut curl = Self { url: String::new(), headers: Vec::new(), body: None };
        let mut words = shell_words(line).into_iter().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-s" => {}
                "-H" => {
                    let header = words.next().expect("-H has a value");
                    let (name, value) = header.split_once(": ").expect("a header has a name and a value");
                    curl.headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" => curl.body = words.next(),
                url => {
                    assert!(
                        url.starts_with("http://"),
                        "the README uses a flag this test does not know: {url}"
                    );
                    url.clone_into(&mut curl.url);
                }
            }
        }
        curl
    }

    async fn send(&self, client: &Client) -> (u16, Value) {
        let method = if self.body.is_some() { Method::POST } else { Method::GET };
        let mut request = client.request(method, &self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = request.body(self.body.clone().unwrap_or_default()).send().await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("an answer is JSON"))
    }
}

/// Words as a shell sees them; only quotes are special.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') => words.push(std::mem::take(&mut word)),
            (_, other) => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// The section of the README with that title.
fn section(title: &str) -> String {
    let tree = Tree::read();
    let readme = &tree.file("README.md").expect("there is a README").text;
    let (_, rest) = readme.split_once(&format!("\n## {title}\n")).expect("the README has the section");
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The payment as soon as nothing is under way.
async fn rested(engine: &Engine, client: &Client, id: u64) -> Value {
    let url = format!("http://{}/api/payments/{id}?merchantId=shop-1", engine.public);
    let resting = async {
        loop {
            let get = Curl { url: url.clone(), headers: Vec::new(), body: None };
            let (_, payment) = get.send(client).await;
            let status = payment["status"].as_str().expect("a payment has a state");
            if matches!(status, "AUTHORIZED" | "CAPTURED" | "PARTIAL_REFUNDED") {
                return payment;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, resting).await.expect("the payment comes to rest")
}

#[tokio::test]
async fn the_first_payment_works_as_printed() {
    payment_engine::tls::choose_ring();
    let (engine, client) = (Engine::start().await, Client::new());
    let mut id = None;
    for line in
        markdown::fenced(&section("A first payment"), "sh").iter().flat_map(|block| block.text.lines())
    {
        if let Some(shown) = line.strip_prefix("ID=") {
            assert_eq!(id, shown.parse().ok(), "the README shows another id than a fresh engine gives");
            continue;
        }
        if let Some(id) = id {
            rested(&engine, &client, id).await;
        }
        let mut curl = Curl::parse(line);
        curl.url = curl.url.replace("127.0.0.1:8080", &engine.public);
        curl.url = curl.url.replace("$ID", &id.unwrap_or_default().to_string());
        let (status, body) = curl.send(&client).await;
        assert_eq!(status, 200, "{line}\n{body}");
        id = id.or(body["paymentId"].as_u64());
    }
    let payment = rested(&engine, &client, id.expect("the section authorizes a payment")).await;
    assert_eq!((&payment["capturedAmount"], &payment["refundedAmount"]), (&1500.into(), &500.into()));
}

#[tokio::test]
async fn the_tree_is_the_one_that_is_shown() {
    let engine = Engine::start().await;
    let operator = format!("http://{}", engine.operator);
    let told = Command::new(env!("CARGO_BIN_EXE_payment-engine"))
        .args(["tree", "--operator", &operator])
        .env_clear()
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let blocks = markdown::fenced(&section("What an operator sees"), "text");
    let shown = blocks.first().expect("the section shows a tree");
    let actors = |text: &str| -> Vec<String> { text.lines().filter_map(actor).collect() };
    // The README's tree was taken with one payment live.
    let shown: Vec<String> =
        actors(&shown.text).into_iter().filter(|row| !row.ends_with(" payment")).collect();
    assert!(shown.len() > 10, "the README's tree is not read: {shown:?}");
    assert_eq!(shown, actors(&told));
}

/// Name and kind of the actor in a line of the tree.
fn actor(line: &str) -> Option<String> {
    let bare = line.trim_start_matches([' ', '│', '├', '└', '─']);
    let mut words = bare.split_whitespace();
    let (name, kind, state) = (words.next()?, words.next()?, words.next()?);
    (state == "running" || state == "busy").then(|| format!("{name} {kind}"))
}

#[test]
fn a_curl_line_is_read_as_a_shell_reads_it() {
    let line = "curl -s \"http://h/p?a=1\" -H 'Idempotency-Key: a b' -d '{\"x\":\"y z\"}'";
    let headers = vec![("Idempotency-Key".to_owned(), "a b".to_owned())];
    let body = Some("{\"x\":\"y z\"}".to_owned());
    assert_eq!(Curl::parse(line), Curl { url: "http://h/p?a=1".to_owned(), headers, body });
}
