//! A server's memory of payments: enough to authorize, capture, refund, read and refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::server::{Reply, Request};

#[derive(Default)]
struct Books {
    /// The state of each payment by its id.
    states: BTreeMap<u64, &'static str>,
    /// The payment and amount of each key.
    keys: BTreeMap<(String, String), (u64, u64)>,
    merchants: BTreeSet<String>,
}

/// The payments of a server.
#[derive(Clone, Default)]
pub(crate) struct Bank(Arc<Mutex<Books>>);

impl Bank {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Answers requests.
    pub(crate) fn handler(&self) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
        let bank = self.clone();
        move |request| bank.answer(request)
    }

    pub(crate) fn payments(&self) -> usize {
        self.0.lock().states.len()
    }

    pub(crate) fn merchants(&self) -> usize {
        self.0.lock().merchants.len()
    }

    pub(crate) fn in_state(&self, state: &str) -> usize {
        self.0.lock().states.values().filter(|held| **held == state).count()
    }

    fn answer(&self, request: &Request) -> Reply {
        let (_, path) = request.path.split_once("/payments/").expect("the payments API");
        let id = |text: &str| text.split('?').next().and_then(|id| id.parse::<u64>().ok());
        if request.method == "GET" {
            return self.move_on(id(path));
        }
        match path.split_once('/') {
            Some(("capture", rest)) => self.put(id(rest), "CAPTURE_REQUESTED"),
            Some(("refund", rest)) => self.put(id(rest), "REFUND_REQUESTED"),
            Some(_) | None => self.authorize(&request.body),
        }
    }

    fn authorize(&self, body: &str) -> Reply {
        let refused = || Reply::new(400, json!({"status": 400}));
        let Ok(body) = serde_json::from_str::<Value>(body) else { return refused() };
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let (Some(merchant), Some(key), Some(amount)) =
            (text("merchantId"), text("idempotencyKey"), body["amount"].as_u64())
        else {
            return refused();
        };
        if amount == 0 || body["currency"] != "USD" {
            return refused();
        }
        let mut books = self.0.lock();
        books.merchants.insert(merchant.clone());
        let next = books.states.len() as u64 + 1;
        let (payment, first_amount) = *books.keys.entry((merchant, key)).or_insert((next, amount));
        if first_amount != amount {
            return Reply::new(422, json!({"status": 422}));
        }
        books.states.entry(payment).or_insert("AUTHORIZED");
        Reply::new(200, json!({"paymentId": payment, "status": "AUTHORIZED"}))
    }

    fn put(&self, payment: Option<u64>, state: &'static str) -> Reply {
        let mut books = self.0.lock();
        match payment.and_then(|payment| books.states.get_mut(&payment)) {
            Some(held) => {
                *held = state;
                Reply::new(200, json!({"paymentId": payment, "status": state}))
            }
            None => Reply::new(404, json!({"status": 404})),
        }
    }

    /// Shows a payment, which has moved on by the time it is read again.
    fn move_on(&self, payment: Option<u64>) -> Reply {
        let mut books = self.0.lock();
        let Some(held) = payment.and_then(|payment| books.states.get_mut(&payment)) else {
            return Reply::new(404, json!({"status": 404}));
        };
        let shown = *held;
        *held = match shown {
            "CAPTURE_REQUESTED" => "CAPTURED",
            "REFUND_REQUESTED" => "REFUNDED",
            other => other,
        };
        Reply::new(200, json!({"paymentId": payment, "status": shown}))
    }
}
