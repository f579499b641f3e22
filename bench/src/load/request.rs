//! The requests, as bytes.
//!
//! Owns paths, headers and bodies. Everything that does not change is rendered once; a request is written into its
//! connection's buffer and allocates nothing.

use std::io::Write;

use super::flow::{Job, Step, Wrong};
use super::merchants::Merchant;
use super::target::Target;

/// Bodies are written here first, because their length stands in front of them.
const BODY: usize = 512;

/// Renders requests for one server.
pub(crate) struct Requests {
    merchants: Vec<Merchant>,
    base: String,
    /// From behind the path to behind `Content-Length: `.
    post: Vec<u8>,
    /// From behind the path to the end of the headers that every request has.
    get: Vec<u8>,
    /// Tells this run's keys from those of all others.
    run: String,
    body: Vec<u8>,
}

impl Requests {
    /// Requests to this server; `run` is in every idempotency key.
    pub(crate) fn new(target: &Target, merchants: Vec<Merchant>, run: String) -> Self {
        let get = format!(" HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n", target.host);
        let post = format!("{get}Content-Type: application/json\r\nContent-Length: ");
        Self {
            merchants,
            base: target.base.clone(),
            post: post.into_bytes(),
            get: get.into_bytes(),
            run,
            body: Vec::with_capacity(BODY),
        }
    }

    /// Writes a job's next request.
    pub(crate) fn render(&mut self, job: &Job, out: &mut Vec<u8>) {
        self.body.clear();
        let merchant = &self.merchants[merchant(job.number, self.merchants.len())];
        let id = merchant.id.as_str();
        let (base, payment) = (self.base.as_str(), job.payment);
        let body = &mut self.body;
        let path = match job.step {
            Step::Authorize | Step::Replay { .. } => {
                let amount = amount(job.number);
                put(
                    body,
                    format_args!(
                        r#"{{"merchantId":"{id}","amount":{amount},"currency":"USD","idempotencyKey":"{}-{}"}}"#,
                        self.run, job.number
                    ),
                );
                "authorize"
            }
            Step::Wrong(wrong) => {
                wrong_body(wrong, id, &self.run, job.number, body);
                "authorize"
            }
            Step::Capture => {
                put(body, format_args!(r#"{{"merchantId":"{id}"}}"#));
                "capture/"
            }
            Step::Refund => {
                put(body, format_args!(r#"{{"merchantId":"{id}","reason":"load"}}"#));
                "refund/"
            }
            Step::Read(_) => {
                put(out, format_args!("GET {base}/payments/{payment}?merchantId={id}"));
                out.extend_from_slice(&self.get);
                end_head(merchant, out);
                return;
            }
        };
        put(out, format_args!("POST {base}/payments/{path}"));
        if path.ends_with('/') {
            put(out, format_args!("{payment}"));
        }
        out.extend_from_slice(&self.post);
        put(out, format_args!("{}\r\n", body.len()));
        end_head(merchant, out);
        out.extend_from_slice(body);
    }
}

fn end_head(merchant: &Merchant, out: &mut Vec<u8>) {
    if let Some(key) = &merchant.key {
        put(out, format_args!("Authorization: Bearer {key}\r\n"));
    }
    out.extend_from_slice(b"\r\n");
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every write");
}

/// The merchant of a flow: all of them in turn.
fn merchant(number: u64, merchants: usize) -> usize {
    usize::try_from(number % merchants as u64).expect("a remainder is below its divisor")
}

/// The amount of a flow, from its number alone so that a replay repeats it.
fn amount(number: u64) -> u64 {
    1_000 + number % 9_000
}

fn wrong_body(wrong: Wrong, id: &str, run: &str, number: u64, body: &mut Vec<u8>) {
    // Other keys than those of flows: a server that took one of these would not disturb its neighbour.
    let key = format_args!(r#""idempotencyKey":"{run}-w{number}""#);
    match wrong {
        Wrong::Cut => put(body, format_args!(r#"{{"merchantId":"{id}","amount":1000,"#)),
        Wrong::ZeroAmount => {
            put(body, format_args!(r#"{{"merchantId":"{id}","amount":0,"currency":"USD",{key}}}"#));
        }
        Wrong::UnknownCurrency => {
            put(body, format_args!(r#"{{"merchantId":"{id}","amount":1000,"currency":"QQQ",{key}}}"#));
        }
        Wrong::NoKey => put(body, format_args!(r#"{{"merchantId":"{id}","amount":1000,"currency":"USD"}}"#)),
        Wrong::NoMerchant => put(body, format_args!(r#"{{"amount":1000,"currency":"USD",{key}}}"#)),
        Wrong::KeyOfAnother => {
            let other = amount(number) + 1;
            put(
                body,
                format_args!(
                    r#"{{"merchantId":"{id}","amount":{other},"currency":"USD","idempotencyKey":"{run}-{number}"}}"#
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::flow::{Aim, Job, Step, Wrong};
    use super::super::merchants;
    use super::super::target::Target;
    use super::Requests;

    fn render(key: Option<&str>, step: Step) -> String {
        let target = Target::parse("http://127.0.0.1:8080/api").expect("a url");
        let mut requests = Requests::new(&target, merchants::numbered(3, key), "run".to_owned());
        let job = Job { payment: 2_048, step, ..Job::first(7, Aim::Full, 0, std::time::Instant::now()) };
        let mut out = Vec::new();
        requests.render(&job, &mut out);
        String::from_utf8(out).expect("requests are text")
    }

    #[test]
    fn a_request_says_how_long_its_body_is_and_who_asks() {
        for step in [Step::Authorize, Step::Capture, Step::Refund, Step::Wrong(Wrong::Cut)] {
            let text = render(Some("k"), step);
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{text}");
            assert!(head.ends_with("\r\nAuthorization: Bearer k"), "{text}");
        }
        assert!(!render(None, Step::Authorize).contains("Authorization"));
    }

    #[test]
    fn paths_and_bodies_are_those_of_the_payments_api() {
        let authorize = render(None, Step::Authorize);
        assert!(authorize.starts_with("POST /api/payments/authorize HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"));
        let body =
            r#"{"merchantId":"merchant-000001","amount":1007,"currency":"USD","idempotencyKey":"run-7"}"#;
        assert!(authorize.ends_with(body), "{authorize}");
        assert_eq!(authorize, render(None, Step::Replay { status: 200 }));
        assert!(render(None, Step::Capture).starts_with("POST /api/payments/capture/2048 HTTP/1.1\r\n"));
        assert!(render(None, Step::Refund).starts_with("POST /api/payments/refund/2048 HTTP/1.1\r\n"));
        let read = render(None, Step::Read(super::super::flow::Wanted::Captured));
        assert!(read.starts_with("GET /api/payments/2048?merchantId=merchant-000001 HTTP/1.1\r\n"), "{read}");
    }
}
