//! What all tests of the face share: fakes behind it and a small client in front of it.

pub(crate) mod desk;
pub(crate) mod fake_operator;
pub(crate) mod fake_payments;
pub(crate) mod meter;
pub(crate) mod samples;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::test::{self, TestRequest};
use actix_web::{App, http::StatusCode};
use payment_actors::ports::random::Random;
use payment_http::public::{self, Limits, PublicState};
use payment_http::{Audience, Authenticator, KeyRing, Reach};
use serde_json::Value;

use self::fake_payments::FakePayments;
use self::meter::MeterLog;

/// Counts up, so that ids differ and runs do not.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Random for Counting {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// A response, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body.get("code")?.as_str().map(str::to_owned)
    }

    /// The names of the fields at fault.
    pub(crate) fn fields(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().expect("a field has a name").to_owned()).collect()
    }
}

/// The public listener's routes over a fake engine.
pub(crate) struct Face {
    pub(crate) payments: Arc<FakePayments>,
    pub(crate) meter: Arc<MeterLog>,
    pub(crate) state: PublicState,
}

impl Face {
    pub(crate) fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self::with_keys(limits, Arc::default(), Reach::Loopback)
    }

    pub(crate) fn with_keys(limits: Limits, ring: Arc<KeyRing>, reach: Reach) -> Self {
        let payments = Arc::new(FakePayments::default());
        let meter = Arc::new(MeterLog::default());
        let state = PublicState::new(
            Arc::<FakePayments>::clone(&payments),
            limits,
            Authenticator::new(ring, Audience::Merchants, reach),
            Arc::<MeterLog>::clone(&meter),
            Arc::new(Counting::default()),
        );
        Self { payments, meter, state }
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Reply {
        let state = self.state.clone();
        let app = App::new().configure(move |config| public::configure(config, &state));
        let app = test::init_service(app).await;
        read(test::call_service(&app, request.to_request()).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.send(post(path, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(TestRequest::get().uri(path)).await
    }
}

/// A JSON post.
pub(crate) fn post(path: &str, body: &str) -> TestRequest {
    TestRequest::with_uri(path)
        .method(Method::POST)
        .insert_header(("content-type", "application/json"))
        .set_payload(body.to_owned())
}

pub(crate) async fn read<B>(response: actix_web::dev::ServiceResponse<B>) -> Reply
where
    B: actix_web::body::MessageBody,
{
    let status: StatusCode = response.status();
    let headers = response.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), value.to_str().expect("headers are text").to_owned()))
        .collect();
    let body = to_bytes(response.into_body()).await.ok().expect("the body can be read").to_vec();
    Reply { status: status.as_u16(), headers, body }
}
