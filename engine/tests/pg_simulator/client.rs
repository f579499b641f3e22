//! A simulator under test with a client for it.

use std::path::Path;
use std::time::Duration;

use payment_engine::pg_simulator::{PgSimulator, PgSimulatorHandle, PgSimulatorOptions, Profile};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running simulator; the directory goes away with it unless taken over.
pub(crate) struct Simulator {
    handle: PgSimulatorHandle,
    pub(crate) directory: TempDir,
    pub(crate) http: reqwest::Client,
}

/// What came back from a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer { http_status: u16, body: Value },
    NotJson,
    NoAnswer,
    Timeout,
}

impl Outcome {
    /// The answer's body, which must have come with a 200.
    pub(crate) fn answer(self) -> Value {
        let Self::Answer { http_status: 200, body } = self else {
            panic!("expected an answer, got {self:?}");
        };
        body
    }
}

/// Options over `directory` that listen on a free port and take no time.
pub(crate) fn instant(directory: &Path) -> PgSimulatorOptions {
    let mut options = PgSimulatorOptions::new(directory);
    options.listen.set_port(0);
    options.profile = Profile::instant();
    options
}

impl Simulator {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut PgSimulatorOptions)) -> Self {
        Self::start_in(TempDir::new().unwrap(), adjust).await
    }

    pub(crate) async fn start_in(directory: TempDir, adjust: impl FnOnce(&mut PgSimulatorOptions)) -> Self {
        let mut options = instant(directory.path());
        adjust(&mut options);
        let handle = PgSimulator::start(options).await.unwrap();
        payment_engine::tls::choose_ring();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { handle, directory, http }
    }

    /// Stops the simulator and starts another one over the same record.
    pub(crate) async fn restart(self) -> Self {
        Self::start_in(self.stop().await, |_| {}).await
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.handle.stop().await;
        self.directory
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.handle.address()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.handle.address())
    }

    /// Posts an operation named by its key and tells what came back.
    pub(crate) async fn post(&self, key: &str, body: &Value) -> Outcome {
        let operation = key.split(':').nth(1).unwrap();
        let request =
            self.http.post(self.url(&format!("/v1/{operation}"))).header("idempotency-key", key).json(body);
        outcome(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Outcome {
        outcome(self.http.get(self.url(path))).await
    }

    /// The body of the query for `key`; none when it was never seen.
    pub(crate) async fn look_up(&self, key: &str) -> Option<Value> {
        let outcome = self.get(&format!("/v1/operations/{key}")).await;
        if let Outcome::Answer { http_status: 404, body } = &outcome {
            assert_eq!(body["code"], "NOT_FOUND");
            return None;
        }
        Some(outcome.answer())
    }

    /// Asks for `key` until the answer is as wanted.
    pub(crate) async fn until(&self, key: &str, wanted: impl Fn(Option<&Value>) -> bool) {
        let asking = async {
            while !wanted(self.look_up(key).await.as_ref()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.expect("the wanted answer within 20 s");
    }

    pub(crate) async fn script(&self, fault: &Value) -> Value {
        outcome(self.http.post(self.url("/v1/faults")).json(fault)).await.answer()
    }

    /// The whole record.
    pub(crate) async fn record(&self) -> Vec<Value> {
        let page = self.get("/v1/record?limit=10000").await.answer();
        assert_eq!(page["next"], Value::Null);
        page["entries"].as_array().unwrap().clone()
    }

    /// Authorizes 1,000 KRW for a payment and returns the transaction id.
    pub(crate) async fn authorized(&self, payment: u64) -> String {
        let answer = self.post(&format!("{payment}:authorize:1:1"), &authorize(payment)).await.answer();
        assert_eq!(answer["status"], "approved");
        answer["transactionId"].as_str().unwrap().to_owned()
    }
}

/// The body of an authorize of 1,000 KRW.
pub(crate) fn authorize(payment: u64) -> Value {
    json!({"paymentId": payment, "merchantId": "m-1", "amount": 1_000, "currency": "KRW"})
}

/// The body of a capture, refund or void of 1,000 KRW.
pub(crate) fn movement(payment: u64, transaction_id: &str) -> Value {
    let mut body = authorize(payment);
    body["transactionId"] = transaction_id.into();
    body
}

async fn outcome(request: reqwest::RequestBuilder) -> Outcome {
    let read = async {
        let response = request.send().await?;
        Ok::<_, reqwest::Error>((response.status().as_u16(), response.bytes().await?))
    };
    match read.await {
        Ok((http_status, body)) => match serde_json::from_slice(&body) {
            Ok(body) => Outcome::Answer { http_status, body },
            Err(_) => Outcome::NotJson,
        },
        Err(reason) if reason.is_timeout() => Outcome::Timeout,
        Err(_) => Outcome::NoAnswer,
    }
}
