//! One flow: a payment's life as far as asked for.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::tally::Tally;
use crate::cli::{Flow, LoadOptions};

const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes requests.
pub(crate) struct Driver {
    http: Client,
    base: String,
    flow: Flow,
    merchants: u32,
    /// Tells this run's keys from those of earlier runs.
    run: u128,
    begun: Cell<u64>,
}

impl Driver {
    pub(crate) fn new(options: &LoadOptions) -> Result<Self, String> {
        let http = Client::builder()
            .timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(usize::MAX)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| format!("no http client: {error}"))?;
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let run = since.map_or(0, |since| since.as_micros());
        let base = options.url.trim_end_matches('/').to_owned();
        Ok(Self {
            http,
            base,
            flow: options.flow,
            merchants: options.merchants.max(1),
            run,
            begun: Cell::new(0),
        })
    }

    /// Lives one payment that was due at that moment.
    pub(crate) async fn run(&self, due: Instant, tally: &Rc<RefCell<Tally>>) {
        let number = self.begun.get();
        self.begun.set(number + 1);
        let merchant = format!("merchant-{}", number % u64::from(self.merchants));
        let body = json!({
            "merchantId": merchant,
            "amount": 1_000,
            "currency": "USD",
            "idempotencyKey": format!("{:x}-{number}", self.run),
        });
        let authorized = self.post("authorize", "authorize", &body, due, tally).await;
        let Some(id) =
            authorized.filter(|(status, _)| *status == 200).and_then(|(_, body)| body["paymentId"].as_u64())
        else {
            return;
        };
        let completed = match self.flow {
            Flow::Authorize => true,
            Flow::Capture => self.capture(id, &merchant, tally).await,
            Flow::Full => self.capture(id, &merchant, tally).await && self.refund(id, &merchant, tally).await,
        };
        if completed {
            let mut tally = tally.borrow_mut();
            tally.flows_completed += 1;
            tally.completion.record(due.elapsed());
        }
    }

    async fn capture(&self, id: u64, merchant: &str, tally: &Rc<RefCell<Tally>>) -> bool {
        let body = json!({"merchantId": merchant});
        let accepted = self.post("capture", &format!("capture/{id}"), &body, Instant::now(), tally).await;
        accepted.is_some_and(|(status, _)| status == 200) && self.reaches(id, merchant, "CAPTURED").await
    }

    async fn refund(&self, id: u64, merchant: &str, tally: &Rc<RefCell<Tally>>) -> bool {
        let body = json!({"merchantId": merchant, "reason": "load"});
        let accepted = self.post("refund", &format!("refund/{id}"), &body, Instant::now(), tally).await;
        accepted.is_some_and(|(status, _)| status == 200) && self.reaches(id, merchant, "REFUNDED").await
    }

    async fn post(
        &self,
        operation: &'static str,
        path: &str,
        body: &Value,
        due: Instant,
        tally: &Rc<RefCell<Tally>>,
    ) -> Option<(u16, Value)> {
        let sent = self.http.post(format!("{}/payments/{path}", self.base)).json(body).send().await;
        let answer = match sent {
            Ok(response) => {
                let status = response.status().as_u16();
                response
                    .bytes()
                    .await
                    .ok()
                    .map(|bytes| (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
            }
            Err(_) => None,
        };
        tally.borrow_mut().answered(operation, answer.as_ref().map(|(status, _)| *status), due.elapsed());
        answer
    }

    async fn reaches(&self, id: u64, merchant: &str, status: &str) -> bool {
        let url = format!("{}/payments/{id}?merchantId={merchant}", self.base);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Ok(response) = self.http.get(&url).send().await
                && let Ok(payment) = response.json::<Value>().await
                && payment["status"] == status
            {
                return true;
            }
            sleep(POLL).await;
        }
        false
    }
}
