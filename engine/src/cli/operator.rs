//! Asks a running engine over its operator API.

use std::time::Duration;

use payment_schema::api_key::KeySecret;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::args::Common;
use super::failure::Failure;
use super::runtime;
use crate::config::Config;

const KEY_NEEDED: &str = "; name an operator key in PAYMENT_OPERATOR_KEY or with --operator-key-file, and make one with \
    `payment-engine keys create --operator`";

/// A running engine's operator listener.
pub(super) struct Operator {
    runtime: Runtime,
    client: Client,
    base: Url,
    key: Option<KeySecret>,
}

impl Operator {
    pub(super) fn new(common: &Common, config: &Config) -> Result<Self, Failure> {
        let (base, key) = (common.operator_url(config)?, common.operator_key(config)?);
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(15));
        let client =
            client.build().map_err(|error| Failure::failed(format!("no client can be set up: {error}")))?;
        Ok(Self { runtime: runtime()?, client, base, key })
    }

    /// The JSON at a path.
    pub(super) fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut url = self.url(path)?;
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        self.answer(self.client.get(url))
    }

    /// Acts, and says why.
    pub(super) fn act(&self, path: &[&str], reason: &str) -> Result<Value, Failure> {
        self.answer(self.client.post(self.url(path)?).json(&json!({ "reason": reason })))
    }

    /// Waits, or until Ctrl-C; says whether to go on.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => false,
                () = tokio::time::sleep(pause) => true,
            }
        })
    }

    fn url(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.base.clone();
        let named = url.path_segments_mut().map(|mut segments| {
            segments.pop_if_empty().extend(path);
        });
        named.map_err(|()| Failure::usage("--operator must be a URL such as http://127.0.0.1:8082"))?;
        Ok(url)
    }

    fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let request = match &self.key {
            Some(key) => request.bearer_auth(key.reveal()),
            None => request,
        };
        self.runtime.block_on(async {
            let answer = request.send().await.map_err(|error| self.silent(&error))?;
            let status = answer.status();
            let body = answer.bytes().await.map_err(|error| self.silent(&error))?;
            let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
            if status.is_success() && !value.is_null() {
                return Ok(value);
            }
            let detail =
                value["detail"].as_str().map_or_else(|| self.unexpected(status.as_u16()), str::to_owned);
            let remedy = if status == StatusCode::UNAUTHORIZED { KEY_NEEDED } else { "" };
            Err(Failure::failed(format!("{detail}{remedy}")))
        })
    }

    fn silent(&self, error: &reqwest::Error) -> Failure {
        let cause = if error.is_connect() { "nobody listens there" } else { "no answer came" };
        Failure::failed(format!(
            "no engine answers at {} ({cause}); start one with `payment-engine`, or name its operator listener with \
             --operator URL",
            self.base
        ))
    }

    fn unexpected(&self, status: u16) -> String {
        format!(
            "{} answered {status}, which is no operator API; name the engine's with --operator URL",
            self.base
        )
    }
}
