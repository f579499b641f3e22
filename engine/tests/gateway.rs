//! The gateway client against a small server that answers whatever the case wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use payment_actors::ports::gateway::PaymentGateway;
use payment_engine::gateway::{HttpGateway, TimeLimits};
use payment_schema::currency::Currency;
use payment_schema::ids::{Attempt, MerchantId, OperationNo, PaymentId};
use payment_schema::money::Amount;
use payment_schema::operation::{OperationKind, PgKey};
use payment_schema::pg::{Finding, PgRequest, Refusal, Target};
use payment_schema::time::Timestamp;

/// What the server does once it has read a request.
enum Answer {
    /// Writes these bytes and keeps the connection.
    Bytes(String),
    /// Closes without a word.
    Close,
    /// Says nothing until the client leaves.
    Nothing,
}

fn http(status: u16, body: &str) -> Answer {
    Answer::Bytes(format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// A server that answers one request per entry, in order, on as few connections as the client opens.
struct Server {
    address: SocketAddr,
    requests: mpsc::Receiver<String>,
    connections: JoinHandle<usize>,
}

impl Server {
    fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (seen, requests) = mpsc::channel();
        let connections = std::thread::spawn(move || serve(&listener, answers, &seen));
        Self { address, requests, connections }
    }

    fn gateway(&self, limits: TimeLimits) -> HttpGateway {
        let url = format!("http://{}/base", self.address).parse().expect("a url");
        HttpGateway::new(&url, limits, None).expect("a gateway")
    }
}

fn serve(listener: &TcpListener, answers: Vec<Answer>, seen: &mpsc::Sender<String>) -> usize {
    let mut connections = 0;
    let mut answers = answers.into_iter().peekable();
    while answers.peek().is_some() {
        let (mut stream, _) = listener.accept().expect("a connection");
        connections += 1;
        while let Some(request) = read_request(&mut stream) {
            seen.send(request).expect("the test listens");
            match answers.next().expect("an answer for each request") {
                Answer::Bytes(bytes) => stream.write_all(bytes.as_bytes()).expect("a client"),
                Answer::Close => break,
                Answer::Nothing => while stream.read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {},
            }
            if answers.peek().is_none() {
                break;
            }
        }
    }
    connections
}

/// The request's text; `None` when the client has left.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let bytes = stream.read(&mut piece).ok().filter(|bytes| *bytes > 0)?;
        text.extend_from_slice(&piece[..bytes]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
        let length = head.to_lowercase().split_once("content-length: ").map_or(0, |(_, rest)| {
            rest.split("\r\n").next().and_then(|number| number.parse().ok()).expect("a length")
        });
        if body.len() >= length {
            return Some(so_far);
        }
    }
}

fn request(kind: OperationKind) -> PgRequest {
    let payment_id = PaymentId::try_from(2049_u64).expect("an id");
    PgRequest {
        key: PgKey { payment_id, kind, operation_no: OperationNo(2), attempt: Attempt(3) },
        merchant_id: MerchantId::parse("m-1").expect("a merchant"),
        amount: Amount::try_from(700_u64).expect("an amount"),
        currency: Currency::parse("USD").expect("a currency"),
        target: Target::Transaction("tx-1".into()),
        attempted_at: Timestamp::from_micros(0),
    }
}

fn recorded(status: &str, amount: u64) -> String {
    format!(
        "{{\"key\":\"2049:capture:2:3\",\"paymentId\":2049,\"status\":\"{status}\",\"amount\":{amount},\"currency\":\"USD\",\
         \"transactionId\":\"tx-9\",\"responseCode\":\"NO\",\"retryable\":false}}"
    )
}

/// A finding by its name: what was found, not its details.
fn name(finding: &Finding) -> &'static str {
    match finding {
        Finding::Approved(_) => "approved",
        Finding::Negative(negative) if negative.failed => "failed",
        Finding::Negative(_) => "declined",
        Finding::Mismatch => "mismatch",
        Finding::Processing => "processing",
        Finding::NotSeen => "not seen",
        Finding::Unsent(Refusal::Connection) => "unsent: connection",
        Finding::Unsent(Refusal::RateLimited) => "unsent: rate limited",
        Finding::Unsent(Refusal::NotPermitted) => "unsent: not permitted",
        Finding::Unknown(_) => "unknown",
    }
}

fn cases() -> Vec<(Answer, &'static str, Answer, &'static str)> {
    let both = |status: u16, body: &str| (http(status, body), http(status, body));
    let case = |(a, b): (Answer, Answer), sent, asked| (a, sent, b, asked);
    vec![
        case(both(200, &recorded("approved", 700)), "approved", "approved"),
        case(both(200, &recorded("approved", 701)), "unknown", "mismatch"),
        case(both(200, &recorded("declined", 700)), "declined", "declined"),
        case(both(200, &recorded("declined", 700).replace(":2:3", ":2:4")), "unknown", "unknown"),
        case(both(200, &recorded("failed", 700)), "failed", "failed"),
        case(both(200, &recorded("processing", 700)), "processing", "processing"),
        case(both(200, "{\"status\":"), "unknown", "unknown"),
        case(both(400, "{}"), "declined", "unknown"),
        case(both(404, "{}"), "declined", "not seen"),
        case(both(409, "{}"), "unknown", "unknown"),
        case(both(429, ""), "unsent: rate limited", "unsent: rate limited"),
        case(both(500, &recorded("approved", 700)), "unknown", "unknown"),
        case(both(502, "<html>"), "unknown", "unknown"),
        case(both(307, ""), "unknown", "unknown"),
        case(
            both(200, &format!("{}{}", recorded("approved", 700), " ".repeat(70_000))),
            "unknown",
            "unknown",
        ),
    ]
}

#[tokio::test]
async fn answers_mean_what_the_rules_say() {
    for (answer, sent, reply, asked) in cases() {
        let server = Server::start(vec![answer]);
        let finding = server.gateway(TimeLimits::default()).send(&request(OperationKind::Capture)).await;
        assert_eq!(name(&finding), sent, "{finding:?}");
        let server = Server::start(vec![reply]);
        let finding = server.gateway(TimeLimits::default()).query(&request(OperationKind::Capture)).await;
        assert_eq!(name(&finding), asked, "{finding:?}");
    }
}

#[tokio::test]
async fn requests_carry_key_and_body_over_one_connection() {
    let approved = || http(200, &recorded("approved", 700));
    let server = Server::start(vec![approved(), approved(), approved()]);
    let gateway = server.gateway(TimeLimits::default());

    gateway.send(&request(OperationKind::Capture)).await;
    gateway.send(&request(OperationKind::Refund)).await;
    gateway.query(&request(OperationKind::Void)).await;

    let seen: Vec<String> = server.requests.iter().collect();
    let starts =
        ["POST /base/v1/capture ", "POST /base/v1/refund ", "GET /base/v1/operations/2049:void:2:3 "];
    for (request, start) in seen.iter().zip(starts) {
        assert!(request.starts_with(start), "{request}");
    }
    let head = seen[0].to_lowercase();
    assert!(head.contains("idempotency-key: 2049:capture:2:3\r\n"), "{head}");
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    let body = seen[0].split("\r\n\r\n").nth(1).expect("a body");
    let body: serde_json::Value = serde_json::from_str(body).expect("json");
    let expected = serde_json::json!(
        {"paymentId": 2049, "merchantId": "m-1", "amount": 700, "currency": "USD", "transactionId": "tx-1"}
    );
    assert_eq!(body, expected);
    assert_eq!(server.connections.join().expect("the server"), 1);
}

#[tokio::test]
async fn a_refused_connection_leaves_the_request_unsent_but_a_question_unanswered() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let url = format!("http://{closed}").parse().expect("a url");
    let gateway = HttpGateway::new(&url, TimeLimits::default(), None).expect("a gateway");
    assert_eq!(name(&gateway.send(&request(OperationKind::Authorize)).await), "unsent: connection");
    assert_eq!(name(&gateway.query(&request(OperationKind::Authorize)).await), "unknown");
}

#[tokio::test]
async fn silence_and_broken_connections_leave_the_outcome_unknown() {
    let brief = Duration::from_millis(200);
    let limits = TimeLimits { authorize: brief, query: brief, ..TimeLimits::default() };
    for answer in [
        Answer::Nothing,
        Answer::Close,
        Answer::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned()),
    ] {
        let server = Server::start(vec![answer]);
        let finding = server.gateway(limits).send(&request(OperationKind::Authorize)).await;
        assert_eq!(name(&finding), "unknown", "{finding:?}");
    }
    let server = Server::start(vec![Answer::Nothing]);
    let finding = server.gateway(limits).query(&request(OperationKind::Authorize)).await;
    assert_eq!(finding, Finding::Unknown("no answer in time"));
}

#[tokio::test]
async fn each_operation_has_its_own_time_limit() {
    let limits = TimeLimits { others: Duration::from_millis(100), ..TimeLimits::default() };
    for kind in [OperationKind::Capture, OperationKind::Void, OperationKind::Refund] {
        let server = Server::start(vec![Answer::Nothing]);
        let finding = server.gateway(limits).send(&request(kind)).await;
        assert_eq!(finding, Finding::Unknown("no answer in time"));
    }
}
