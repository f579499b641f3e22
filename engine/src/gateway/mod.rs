//! The payment gateway over HTTP.
//!
//! Owns the connection pool and the time limits of money.md §1: what was sent, what came back, and how long that
//! may take. What an answer means is `payment_schema::pg`'s; when to send or ask again is the actors'. It never
//! retries.

mod body;
mod error;
mod tls;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use payment_actors::ports::gateway::PaymentGateway;
use payment_schema::operation::OperationKind;
use payment_schema::pg::{Finding, PgRequest, Refusal, classify_answer, classify_query};
use reqwest::{Client, RequestBuilder, Url};

pub use error::GatewayError;
pub(crate) use tls::trusting;

/// How long exchanges may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// Making a connection.
    pub connect: Duration,
    /// An authorization, from the request's first byte to the answer's last.
    pub authorize: Duration,
    /// A capture, refund or void.
    pub others: Duration,
    /// A question about an earlier request.
    pub query: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            authorize: Duration::from_secs(5),
            others: Duration::from_secs(10),
            query: Duration::from_secs(5),
        }
    }
}

/// Shorter than the 75 s after which servers usually close an idle connection, so that a request is rarely
/// written to one that is just being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// Speaks with the PG over HTTP/1.1 connections that are kept open between requests.
#[derive(Debug, Clone)]
pub struct HttpGateway {
    client: Client,
    base: Base,
    limits: TimeLimits,
}

impl HttpGateway {
    /// A gateway at this address, which may have a path. Behind `https://` its certificate is checked against the
    /// PEM file of `authorities`, or the system's without one.
    ///
    /// # Errors
    /// When the address is not `http://` or `https://` with a host, or the client cannot be set up.
    pub fn new(address: &Url, limits: TimeLimits, authorities: Option<&Path>) -> Result<Self, GatewayError> {
        let base = Base::new(address)?;
        let client = trusting(authorities)?
            .connect_timeout(limits.connect)
            .pool_idle_timeout(IDLE_CONNECTION)
            .tcp_nodelay(true)
            // Money goes where the configuration says, not where the environment or an answer points.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| GatewayError::Client(error.to_string()))?;
        Ok(Self { client, base, limits })
    }

    fn limit_of(&self, kind: OperationKind) -> Duration {
        match kind {
            OperationKind::Authorize => self.limits.authorize,
            OperationKind::Capture | OperationKind::Void | OperationKind::Refund => self.limits.others,
        }
    }
}

#[async_trait]
impl PaymentGateway for HttpGateway {
    async fn send(&self, request: &PgRequest) -> Finding {
        let exchange = self
            .client
            .post(self.base.operation(request.key.kind))
            .header("Idempotency-Key", request.key.to_string())
            .json(&request.body())
            .timeout(self.limit_of(request.key.kind));
        match complete(exchange).await {
            Ok((status, body)) => classify_answer(request, status, &body),
            // Without a connection nothing was written, so the PG cannot have heard the request.
            Err(Trouble::NotConnected) => Finding::Unsent(Refusal::Connection),
            Err(Trouble::Asked(why)) => Finding::Unknown(why),
        }
    }

    async fn query(&self, request: &PgRequest) -> Finding {
        let exchange = self.client.get(self.base.query(&request.key.to_string())).timeout(self.limits.query);
        match complete(exchange).await {
            Ok((status, body)) => classify_query(request, status, &body),
            // That the question was not heard says nothing about the request it asks about.
            Err(Trouble::NotConnected) => Finding::Unknown("the pg could not be asked"),
            Err(Trouble::Asked(why)) => Finding::Unknown(why),
        }
    }
}

/// Why there is no answer to classify.
enum Trouble {
    /// No connection could be made.
    NotConnected,
    /// The request was or may have been written.
    Asked(&'static str),
}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            Self::NotConnected
        } else if error.is_timeout() {
            Self::Asked("no answer in time")
        } else {
            Self::Asked("the connection broke")
        }
    }
}

async fn complete(exchange: RequestBuilder) -> Result<(u16, Vec<u8>), Trouble> {
    let answer = exchange.send().await?;
    let status = answer.status().as_u16();
    let body = body::read(answer).await?.ok_or(Trouble::Asked("the answer is too long"))?;
    Ok((status, body))
}

/// The PG's addresses.
#[derive(Debug, Clone)]
struct Base(Url);

impl Base {
    fn new(address: &Url) -> Result<Self, GatewayError> {
        match address.scheme() {
            "http" | "https" => {}
            other => return Err(GatewayError::Scheme(other.to_owned())),
        }
        let mut base = address.clone();
        base.set_query(None);
        base.set_fragment(None);
        base.path_segments_mut().map_err(|()| GatewayError::NoHost)?.pop_if_empty().push("v1");
        Ok(Self(base))
    }

    fn operation(&self, kind: OperationKind) -> Url {
        self.below(&[kind.as_str()])
    }

    fn query(&self, key: &str) -> Url {
        self.below(&["operations", key])
    }

    fn below(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.path_segments_mut().expect("the base was made with a path").extend(segments);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_base() {
        let base = |text: &str| Base::new(&Url::parse(text).expect("a url")).expect("a base");
        let paths = |base: &Base| {
            (base.operation(OperationKind::Void).to_string(), base.query("1025:void:2:1").to_string())
        };
        for (address, post, get) in [
            ("http://pg:80", "http://pg/v1/void", "http://pg/v1/operations/1025:void:2:1"),
            ("http://pg:8090/", "http://pg:8090/v1/void", "http://pg:8090/v1/operations/1025:void:2:1"),
            ("http://pg/a/b/?x=1", "http://pg/a/b/v1/void", "http://pg/a/b/v1/operations/1025:void:2:1"),
        ] {
            assert_eq!(paths(&base(address)), (post.to_owned(), get.to_owned()));
        }
    }

    #[test]
    fn only_http_is_spoken() {
        let address = Url::parse("ftp://pg").expect("a url");
        let error = HttpGateway::new(&address, TimeLimits::default(), None).expect_err("refused").to_string();
        assert!(error.contains("ftp"), "{error}");
    }
}
