//! A merchant's client, an operator's and the PG's record, over HTTP.

use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::process::PATIENCE;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) replayed: bool,
    /// Whether it says when to come back.
    pub(crate) retry_after: bool,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One merchant's client.
#[derive(Clone)]
pub(crate) struct Merchant {
    http: Client,
    base: String,
    pub(crate) id: String,
}

impl Merchant {
    pub(crate) fn new(engine: &Engine, id: &str) -> Self {
        Self { http: client(), base: format!("http://{}/api/payments", engine.public), id: id.to_owned() }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Answer, reqwest::Error> {
        send(self.http.request(Method::POST, format!("{}/{path}", self.base)).json(&body)).await
    }

    pub(crate) async fn authorize(
        &self,
        key: &str,
        amount: u64,
        more: Value,
    ) -> Result<Answer, reqwest::Error> {
        let mut body =
            json!({"merchantId": self.id, "amount": amount, "currency": "USD", "idempotencyKey": key});
        merge(&mut body, more);
        self.post("authorize", body).await
    }

    /// Authorizes for certain: the simulator declines now and then, and then another key is taken.
    pub(crate) async fn authorized(&self, key: &str, amount: u64, more: Value) -> u64 {
        for round in 0.. {
            let key = format!("{key}.{round}");
            let answer = self.authorize(&key, amount, more.clone()).await.expect("an answer");
            match answer.status {
                200 => return answer.json()["paymentId"].as_u64().expect("a payment id"),
                402 => {}
                other => panic!("authorization answered {other}: {}", answer.json()),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// Repeats an authorization until its outcome is told.
    pub(crate) async fn authorized_at_last(&self, key: &str, amount: u64) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.authorize(key, amount, json!({})).await.expect("an answer");
            if matches!(answer.status, 200 | 402) {
                return answer.json();
            }
            assert!(begun.elapsed() < PATIENCE, "{}", answer.json());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn command(&self, what: &str, id: u64, more: Value) -> Answer {
        let mut body = json!({"merchantId": self.id});
        merge(&mut body, more);
        self.post(&format!("{what}/{id}"), body).await.expect("an answer")
    }

    pub(crate) async fn get(&self, id: u64) -> Value {
        let url = format!("{}/{id}?merchantId={}", self.base, self.id);
        send(self.http.get(url)).await.expect("an answer").json()
    }

    pub(crate) async fn history(&self, id: u64) -> Vec<Value> {
        let url = format!("{}/{id}/history?merchantId={}", self.base, self.id);
        let answer = send(self.http.get(url)).await.expect("an answer").json();
        answer["transitions"].as_array().expect("transitions").clone()
    }

    /// Reads until the payment is as wished.
    pub(crate) async fn until(&self, id: u64, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let payment = self.get(id).await;
            if wished(&payment) {
                return payment;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} never came: {payment}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn until_status(&self, id: u64, status: &str) -> Value {
        self.until(id, status, |payment| payment["status"] == status).await
    }
}

/// A client of the operator API or of the PG simulator.
pub(crate) struct Desk {
    http: Client,
    base: String,
}

impl Desk {
    pub(crate) fn operator(engine: &Engine) -> Self {
        Self::at(&engine.operator)
    }

    pub(crate) fn pg(engine: &Engine) -> Self {
        Self::at(&engine.pg)
    }

    /// Of whoever listens there.
    pub(crate) fn at(address: &str) -> Self {
        Self { http: client(), base: format!("http://{address}") }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.http.get(format!("{}{path}", self.base))).await.expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.http.post(format!("{}{path}", self.base)).json(&body)).await.expect("an answer")
    }

    /// All of the PG's record.
    pub(crate) async fn record(&self) -> Vec<Value> {
        let (mut entries, mut after) = (Vec::new(), 0);
        loop {
            let page = self.get(&format!("/v1/record?after={after}&limit=1000")).await.json();
            let read = page["entries"].as_array().expect("entries").clone();
            let Some(last) = read.last() else { return entries };
            after = last["seq"].as_u64().expect("a sequence number");
            entries.extend(read);
        }
    }

    /// The PG's approvals of one operation of one payment.
    pub(crate) async fn approvals(&self, id: u64, operation: &str) -> usize {
        let record = self.record().await;
        let is_one = |entry: &&Value| {
            entry["paymentId"] == id && entry["operation"] == operation && entry["result"] == "approved"
        };
        record.iter().filter(is_one).count()
    }
}

fn client() -> Client {
    payment_engine::tls::choose_ring();
    Client::builder().timeout(Duration::from_secs(30)).build().expect("a client")
}

async fn send(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, replayed) =
        (response.status().as_u16(), header("idempotent-replayed").as_deref() == Some("true"));
    let retry_after = header("retry-after").is_some();
    Ok(Answer { status, replayed, retry_after, bytes: response.bytes().await?.to_vec() })
}

fn merge(body: &mut Value, more: Value) {
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
}
