//! What breaks HTTP itself, sent as bytes to a real listener. Some of it the HTTP library answers before routing;
//! none of it reaches the engine, and the listener goes on.

use std::net::SocketAddr;
use std::time::Duration;

use payment_http::public;
use payment_http::server::{self, Listen, ServerSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Face;
use crate::support::fake_payments::Next;

const BODY: &str = r#"{"merchantId":"m","amount":1,"currency":"USD","idempotencyKey":"k"}"#;

/// A served listener on a free port.
struct Served {
    face: Face,
    address: SocketAddr,
    stop: server::StopHandle,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

fn listen(address: SocketAddr) -> Listen {
    Listen { address, flag: "--listen", setting: "http.listen" }
}

impl Served {
    fn start() -> Self {
        Self::with(ServerSettings { workers: 1, ..ServerSettings::default() })
    }

    fn with(settings: ServerSettings) -> Self {
        let face = Face::new();
        let bound = server::bind(&listen(([127, 0, 0, 1], 0).into())).unwrap();
        let address = bound.address();
        let state = face.state.clone();
        let configure = move |config: &mut actix_web::web::ServiceConfig| public::configure(config, &state);
        let (stop, server) = server::run(bound, &settings, configure).unwrap();
        Self { face, address, stop, ended: tokio::spawn(server) }
    }

    /// Sends bytes and reads until the listener closes the connection.
    async fn exchange(&self, request: &[u8]) -> String {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        // The listener may answer and close before it has read everything.
        let _ = socket.write_all(request).await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn close(self) {
        self.stop.halt().await;
        self.ended.await.unwrap().unwrap();
    }
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /api/payments/authorize HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Connection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

fn status(answer: &str) -> u16 {
    let line = answer.lines().next().unwrap_or_default();
    line.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status: {answer:?}"))
}

#[actix_web::test]
async fn broken_requests_are_refused_and_the_listener_goes_on() {
    let served = Served::start();
    let chunked = "Transfer-Encoding: chunked\r\n";
    let length = |length: &str| format!("Content-Length: {length}\r\n");
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("no http", b"hello there\r\n\r\n".to_vec(), &[400]),
        ("bad version", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_vec(), &[400, 505]),
        ("bad method", b"G@T /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(), &[400]),
        (
            "unknown method",
            b"BREW /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
            &[405],
        ),
        ("space in path", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[400]),
        ("bad chunk size", post(chunked, "zz\r\nhello\r\n0\r\n\r\n"), &[400]),
        ("huge chunk size", post(chunked, "ffffffffffffffffffff\r\n"), &[400]),
        ("chunk without end", post(chunked, "5\r\nhelloX"), &[400]),
        ("length and chunks", post(&format!("{chunked}{}", length("5")), "0\r\n\r\n"), &[400]),
        ("two lengths", post(&format!("{}{}", length("5"), length("6")), "hello"), &[400]),
        ("negative length", post(&length("-1"), ""), &[400]),
        ("length that is no number", post(&length("many"), ""), &[400]),
        ("announced too large", post(&length("99999999999"), "{"), &[413]),
        ("many headers", post(&many, ""), &[400, 431]),
        ("huge header", post(&format!("X-Big: {}\r\n", "y".repeat(200_000)), ""), &[400, 431]),
        ("large header", post(&format!("X-Big: {}\r\n", "y".repeat(40_000)), ""), &[431]),
        ("header without colon", post("nonsense\r\n", ""), &[400]),
        ("nul in header", post("X-A: a\0b\r\n", ""), &[400]),
    ];
    for (what, request, allowed) in cases {
        let answer = served.exchange(&request).await;
        assert!(allowed.contains(&status(&answer)), "{what}: {answer}");
    }
    assert_eq!(served.face.payments.calls(), []);
    let good = post(&length(&BODY.len().to_string()), BODY);
    assert_eq!(status(&served.exchange(&good).await), 200, "the listener goes on");
    served.close().await;
}

#[actix_web::test]
async fn chunked_bodies_are_read_and_limited() {
    let served = Served::start();
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let chunked = "Transfer-Encoding: chunked\r\n";
    let good = post(chunked, &format!("{}{}0\r\n\r\n", chunk(&BODY[..20]), chunk(&BODY[20..])));
    assert_eq!(status(&served.exchange(&good).await), 200);
    let spaces = chunk(&" ".repeat(10_000)).repeat(8);
    let large = served.exchange(&post(chunked, &format!("{spaces}0\r\n\r\n"))).await;
    assert_eq!(status(&large), 413);
    assert!(large.contains("BODY_TOO_LARGE"), "{large}");
    served.close().await;
}

#[actix_web::test]
async fn a_client_that_leaves_is_counted_and_forgotten() {
    let served = Served::start();
    served.face.payments.will(Next::Hang);
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let head = format!("Content-Length: {}\r\n", BODY.len());
    socket.write_all(&post(&head, BODY)).await.unwrap();
    while served.face.payments.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    socket.set_zero_linger().unwrap();
    drop(socket);
    while served.face.meter.in_flight().last() != Some(&0) {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.face.meter.finished()[0].1, "abandoned");
    served.close().await;
}

#[actix_web::test]
async fn a_head_that_never_ends_times_out() {
    let settings =
        ServerSettings { workers: 1, head_timeout: Duration::from_millis(50), ..ServerSettings::default() };
    let served = Served::with(settings);
    let answer = served.exchange(b"GET /health/live HTTP/1.1\r\nHost:").await;
    assert_eq!(status(&answer), 408);
    served.close().await;
}

#[actix_web::test]
async fn head_answers_without_a_body() {
    let served = Served::start();
    let answer = served.exchange(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), 200);
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    served.close().await;
}

#[actix_web::test]
async fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let bound = server::bind(&listen(([127, 0, 0, 1], 0).into())).unwrap();
    let error = server::bind(&listen(bound.address())).unwrap_err();
    let (address, port) = (bound.address(), bound.address().port());
    let expected = format!(
        "cannot listen on {address}: port {port} is taken by another program; stop it, or choose another address \
         with --listen (setting http.listen)"
    );
    assert_eq!(error.to_string(), expected);
    let elsewhere = server::bind(&listen(([203, 0, 113, 1], 0).into())).unwrap_err();
    assert!(elsewhere.to_string().contains("this machine has no address 203.0.113.1"), "{elsewhere}");
}

#[actix_web::test]
async fn draining_lets_requests_finish() {
    let served = Served::start();
    let stop = served.stop.clone();
    let good = post(&format!("Content-Length: {}\r\n", BODY.len()), BODY);
    assert_eq!(status(&served.exchange(&good).await), 200);
    stop.drain().await;
    served.ended.await.unwrap().unwrap();
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody listens any more");
}
