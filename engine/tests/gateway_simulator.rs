//! The gateway client against the PG simulator: each scripted fault ends in a finding that the rules can work with,
//! and what was really done is found out by asking.

#[path = "tls_front/mod.rs"]
mod tls_front;

use std::time::Duration;

use payment_actors::ports::gateway::PaymentGateway;
use payment_engine::gateway::{GatewayError, HttpGateway, TimeLimits};
use payment_engine::pg_simulator::{PgSimulator, PgSimulatorHandle, PgSimulatorOptions, Profile};
use payment_schema::currency::Currency;
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId};
use payment_schema::money::Amount;
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::pg::{Finding, PgRequest, Target};
use payment_schema::time::Timestamp;
use serde_json::json;
use tempfile::TempDir;

struct Stage {
    _dir: TempDir,
    simulator: PgSimulatorHandle,
    gateway: HttpGateway,
}

impl Stage {
    async fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        let mut options = PgSimulatorOptions::new(dir.path());
        options.listen = "127.0.0.1:0".parse().expect("an address");
        options.profile = Profile::instant();
        let simulator = PgSimulator::start(options).await.expect("a simulator");
        let url = format!("http://{}", simulator.address()).parse().expect("a url");
        let limits = TimeLimits { authorize: Duration::from_millis(500), ..TimeLimits::default() };
        let gateway = HttpGateway::new(&url, limits, None).expect("a gateway");
        Self { _dir: dir, simulator, gateway }
    }

    async fn fault(&self, fault: &str) {
        let mut body = json!({"operation": "authorize", "fault": fault, "count": 1});
        if fault == "late-answer" {
            body["delayMs"] = json!(2_000);
        }
        let url = format!("http://{}/v1/faults", self.simulator.address());
        payment_engine::tls::choose_ring();
        let answer = reqwest::Client::new().post(url).json(&body).send().await.expect("the simulator");
        assert!(answer.status().is_success(), "{fault}");
    }
}

fn authorization(payment: u64) -> PgRequest {
    let payment_id = PaymentId::try_from(payment).expect("an id");
    let operation_no = OperationNo::AUTHORIZATION;
    PgRequest {
        key: PgKey { payment_id, kind: OperationKind::Authorize, operation_no, attempt: Attempt::FIRST },
        merchant_id: MerchantId::parse("m-1").expect("a merchant"),
        amount: Amount::try_from(700_u64).expect("an amount"),
        currency: Currency::parse("USD").expect("a currency"),
        target: Target::None,
        attempted_at: Timestamp::from_micros(0),
    }
}

fn name(finding: &Finding) -> &'static str {
    match finding {
        Finding::Approved(_) => "approved",
        Finding::Negative(negative) if negative.failed => "failed",
        Finding::Negative(_) => "declined",
        Finding::Mismatch => "mismatch",
        Finding::Processing => "processing",
        Finding::NotSeen => "not seen",
        Finding::Unsent(_) => "unsent",
        Finding::Unknown(_) => "unknown",
    }
}

/// A fault, what the request finds out, what a question afterwards finds out.
const FAULTS: [(&str, &str, &str); 10] = [
    ("failed", "failed", "failed"),
    ("decline", "declined", "declined"),
    ("server-error", "unknown", "not seen"),
    ("connection-reset", "unknown", "not seen"),
    ("timeout-before", "unknown", "not seen"),
    ("timeout-after", "unknown", "approved"),
    ("late-answer", "unknown", "approved"),
    ("malformed-json", "unknown", "approved"),
    ("wrong-amount", "unknown", "approved"),
    ("duplicate-answer", "approved", "approved"),
];

#[actix_rt::test]
async fn each_fault_is_found_out() {
    let stage = Stage::new().await;
    for (payment, (fault, sent, asked)) in (1_u64..).zip(FAULTS) {
        stage.fault(fault).await;
        let request = authorization(payment);
        let finding = stage.gateway.send(&request).await;
        assert_eq!(name(&finding), sent, "{fault}: {finding:?}");
        let finding = stage.gateway.query(&request).await;
        assert_eq!(name(&finding), asked, "{fault}: {finding:?}");
    }
}

#[actix_rt::test]
async fn a_whole_life_under_its_keys() {
    let stage = Stage::new().await;
    let hold = authorization(1);
    assert_eq!(name(&stage.gateway.query(&hold).await), "not seen");
    let Finding::Approved(approval) = stage.gateway.send(&hold).await else { panic!("the hold is approved") };
    assert!(approval.approval_number.is_some() && approval.expires_at.is_some());
    let transaction = approval.transaction_id.expect("a transaction");
    let later = |kind, no| PgRequest {
        key: PgKey { kind, operation_no: OperationNo(no), ..hold.key },
        target: Target::Transaction(transaction.clone()),
        ..hold.clone()
    };
    for (kind, no) in [(OperationKind::Capture, 2), (OperationKind::Refund, 3)] {
        let request = later(kind, no);
        let (first, again) = (stage.gateway.send(&request).await, stage.gateway.send(&request).await);
        assert_eq!(name(&first), "approved", "{first:?}");
        assert_eq!(first, again);
    }
    assert_eq!(name(&stage.gateway.send(&later(OperationKind::Void, 4)).await), "declined");
}

#[tokio::test]
async fn tls_is_spoken_with_the_one_that_is_meant_only() {
    let stage = Stage::new().await;
    let behind = || stage.simulator.address().to_string();
    let (address, authority) = tls_front::start("localhost", behind()).await;
    let (_, another_authority) = tls_front::start("localhost", behind()).await;
    let dir = TempDir::new().expect("a folder");
    let cases = [
        ("localhost", &authority, "approved"),
        // A certificate for another name, and one that nobody trusted has signed: nothing was written.
        ("127.0.0.1", &authority, "unsent"),
        ("localhost", &another_authority, "unsent"),
    ];
    for (payment, (host, trusted, found)) in (1_100..).zip(cases) {
        let pem = dir.path().join("authority.pem");
        std::fs::write(&pem, trusted).expect("a file");
        let url = format!("https://{host}:{}", address.port()).parse().expect("a url");
        let gateway = HttpGateway::new(&url, TimeLimits::default(), Some(&pem)).expect("a gateway");
        let finding = gateway.send(&authorization(payment)).await;
        assert_eq!(name(&finding), found, "{host}: {finding:?}");
    }
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_named() {
    let dir = TempDir::new().expect("a folder");
    let url = "https://pg".parse().expect("a url");
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "").expect("a file");
    for path in [dir.path().join("none.pem"), empty] {
        let refused = HttpGateway::new(&url, TimeLimits::default(), Some(&path)).expect_err("no authority");
        assert!(matches!(refused, GatewayError::Authorities { .. }), "{refused}");
        assert!(refused.to_string().contains(&path.display().to_string()), "{refused}");
    }
}
