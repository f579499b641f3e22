//! Bad input, one line per case: what is sent, and status, code and fields of the answer. None of it may reach
//! the engine, and none may be a 500. What breaks HTTP itself is in `raw_socket`.

use actix_web::test::TestRequest;

use crate::support::{Face, Reply, post};

const AUTHORIZE: &str = "/api/payments/authorize";
const CAPTURE: &str = "/api/payments/capture/1024";
const REFUND: &str = "/api/payments/refund/1024";
const CANCEL: &str = "/api/payments/cancel/1024";

const MALFORMED: (u16, &str) = (400, "MALFORMED_JSON");
const INVALID: (u16, &str) = (400, "VALIDATION_FAILED");
const NO_KEY: (u16, &str) = (400, "IDEMPOTENCY_KEY_MISSING");
const NOT_FOUND: (u16, &str) = (404, "NOT_FOUND");
const TOO_LARGE: (u16, &str) = (413, "BODY_TOO_LARGE");
const UNSUPPORTED: (u16, &str) = (415, "UNSUPPORTED_MEDIA_TYPE");

/// One line of a table: path, body or value, status and code, fields at fault.
type Line<'a> = (&'a str, &'a str, (u16, &'a str), &'a [&'a str]);

fn assert_refused(what: &str, reply: &Reply, (status, code): (u16, &str), fields: &[&str]) {
    let body = String::from_utf8_lossy(&reply.body);
    assert_eq!((reply.status, reply.code().as_deref()), (status, Some(code)), "{what}\n{body}");
    assert_eq!(reply.fields(), fields, "{what}\n{body}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}");
    assert_eq!(reply.json()["message"], reply.json()["detail"], "{what}");
}

async fn assert_table(lines: &[Line<'_>]) {
    for (path, body, refusal, fields) in lines {
        let face = Face::new();
        let reply = face.post(path, body).await;
        assert_refused(&format!("{path} {body}"), &reply, *refusal, fields);
        assert_eq!(face.payments.calls(), [], "{path} {body}");
    }
}

#[actix_web::test]
async fn bodies_that_are_no_acceptable_json() {
    assert_table(&[
        (AUTHORIZE, "", MALFORMED, &[]),
        (AUTHORIZE, "   ", MALFORMED, &[]),
        (AUTHORIZE, "{", MALFORMED, &[]),
        (AUTHORIZE, "not json", MALFORMED, &[]),
        (AUTHORIZE, "{'merchantId':'m'}", MALFORMED, &[]),
        (AUTHORIZE, r#"{"merchantId":"m",}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"merchantId":"m"} {}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"merchantId":"m"}x"#, MALFORMED, &[]),
        (AUTHORIZE, "\u{feff}{}", MALFORMED, &[]),
        (AUTHORIZE, r#"{"amount":NaN}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"amount":0x10}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"amount":+5}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"amount":05}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"amount":.5}"#, MALFORMED, &[]),
        (AUTHORIZE, "{\"merchantId\":\"a\nb\"}", MALFORMED, &[]),
        (AUTHORIZE, r#"{"merchantId":"\x41"}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"amount":1,"amount":1}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"amount":1,"\u0061mount":2}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"metadata":{"a":"1","a":"2"}}"#, MALFORMED, &[]),
        (AUTHORIZE, r#"{"metadata":[{"a":1,"a":1}]}"#, MALFORMED, &[]),
        (CAPTURE, r#"{"merchantId":"m-1""#, MALFORMED, &[]),
        (AUTHORIZE, "[]", INVALID, &["body"]),
        (AUTHORIZE, "null", INVALID, &["body"]),
        (AUTHORIZE, "\"text\"", INVALID, &["body"]),
        (AUTHORIZE, "5", INVALID, &["body"]),
        (AUTHORIZE, "1e999", INVALID, &["body"]),
    ])
    .await;
}

/// An authorization with one value in place of the amount.
fn with_amount(amount: &str) -> String {
    format!(r#"{{"merchantId":"m-1","amount":{amount},"currency":"KRW","idempotencyKey":"k-1"}}"#)
}

#[actix_web::test]
async fn amounts_are_integers_in_range_and_nothing_else() {
    let huge = "9".repeat(400);
    let amounts = [
        "0",
        "-1",
        "-0",
        "1.0",
        "1.5",
        "1e3",
        "1E0",
        "10000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "1e400",
        "-1e400",
        "1e-400",
        huge.as_str(),
        r#""1000""#,
        r#""""#,
        "true",
        "null",
        "[]",
        "[1000]",
        r#"{"value":1000}"#,
    ];
    for amount in amounts {
        let body = with_amount(amount);
        let capture = format!(r#"{{"merchantId":"m-1","amount":{amount}}}"#);
        let refund = format!(r#"{{"merchantId":"m-1","reason":"broken","amount":{amount}}}"#);
        assert_table(&[
            (AUTHORIZE, &body, INVALID, &["amount"]),
            (CAPTURE, &capture, INVALID, &["amount"]),
            (REFUND, &refund, INVALID, &["amount"]),
        ])
        .await;
    }
}

/// An authorization with some members replaced or added.
fn authorize_with(members: &str) -> String {
    let replaced = members.split('"').nth(1).expect("a member has a name");
    let others = [
        ("merchantId", r#""m-1""#),
        ("amount", "1000"),
        ("currency", r#""KRW""#),
        ("idempotencyKey", r#""k-1""#),
    ];
    let kept = others.iter().filter(|(name, _)| *name != replaced);
    let kept: String = kept.map(|(name, value)| format!(r#""{name}":{value},"#)).collect();
    format!("{{{kept}{members}}}")
}

#[actix_web::test]
async fn members_of_an_authorization() {
    let long = |name: &str, length: usize| format!(r#""{name}":"{}""#, "x".repeat(length));
    let many = (0..21).map(|n| format!(r#""k{n}":"v""#)).collect::<Vec<_>>().join(",");
    let cases = [
        (r#""merchantId":"""#.to_owned(), "merchantId"),
        (long("merchantId", 33), "merchantId"),
        (r#""merchantId":"käse""#.to_owned(), "merchantId"),
        (r#""merchantId":"a\u0000b""#.to_owned(), "merchantId"),
        (r#""merchantId":7"#.to_owned(), "merchantId"),
        (r#""merchantId":null"#.to_owned(), "merchantId"),
        (r#""merchantId":"\ud800""#.to_owned(), "merchantId"),
        (r#""merchantId":"１２３""#.to_owned(), "merchantId"),
        (r#""currency":"krw""#.to_owned(), "currency"),
        (r#""currency":"XXX""#.to_owned(), "currency"),
        (r#""currency":"XAU""#.to_owned(), "currency"),
        (r#""currency":"ZZZ""#.to_owned(), "currency"),
        (r#""currency":"""#.to_owned(), "currency"),
        (r#""currency":"USD ""#.to_owned(), "currency"),
        (r#""currency":410"#.to_owned(), "currency"),
        (r#""idempotencyKey":"""#.to_owned(), "idempotencyKey"),
        (long("idempotencyKey", 65), "idempotencyKey"),
        (r#""idempotencyKey":"schlüssel""#.to_owned(), "idempotencyKey"),
        (r#""idempotencyKey":"a\nb""#.to_owned(), "idempotencyKey"),
        (r#""idempotencyKey":12"#.to_owned(), "idempotencyKey"),
        (r#""idempotencyKey":null"#.to_owned(), "idempotencyKey"),
        (r#""idempotencyKey":"4111 1111 1111 1111""#.to_owned(), "idempotencyKey"),
        (r#""captureMode":"AUTOMATIC""#.to_owned(), "captureMode"),
        (r#""captureMode":"later""#.to_owned(), "captureMode"),
        (r#""captureMode":true"#.to_owned(), "captureMode"),
        (r#""orderId":"""#.to_owned(), "orderId"),
        (long("orderId", 65), "orderId"),
        (r#""orderId":"a\tb""#.to_owned(), "orderId"),
        (r#""orderId":"5555-5555-5555-4444""#.to_owned(), "orderId"),
        (r#""orderId":99"#.to_owned(), "orderId"),
        (r#""metadata":"text""#.to_owned(), "metadata"),
        (r#""metadata":["a"]"#.to_owned(), "metadata"),
        (r#""metadata":{"a":1}"#.to_owned(), "metadata"),
        (r#""metadata":{"a":null}"#.to_owned(), "metadata"),
        (r#""metadata":{"a":{"b":"c"}}"#.to_owned(), "metadata"),
        (r#""metadata":{"":"v"}"#.to_owned(), "metadata"),
        (r#""metadata":{"n":"378282246310005"}"#.to_owned(), "metadata"),
        (format!(r#""metadata":{{"{}":"v"}}"#, "k".repeat(41)), "metadata"),
        (format!(r#""metadata":{{"k":"{}"}}"#, "v".repeat(501)), "metadata"),
        (format!(r#""metadata":{{{many}}}"#), "metadata"),
        (r#""metadata":{"a":1e999}"#.to_owned(), "metadata.a"),
        (r#""cardNumber":"4111111111111111""#.to_owned(), "cardNumber"),
        (r#""Amount":1000"#.to_owned(), "Amount"),
        (r#""":1"#.to_owned(), ""),
        (r#""paymentId":1024"#.to_owned(), "paymentId"),
    ];
    for (members, field) in &cases {
        assert_table(&[(AUTHORIZE, &authorize_with(members), INVALID, &[*field])]).await;
    }
}

#[actix_web::test]
async fn missing_and_several_faults_are_reported_together() {
    assert_table(&[
        (AUTHORIZE, "{}", INVALID, &["merchantId", "amount", "currency"]),
        (AUTHORIZE, r#"{"merchantId":"m","amount":1,"currency":"USD"}"#, NO_KEY, &[]),
        (
            AUTHORIZE,
            r#"{"zebra":1,"merchantId":"","amount":"5","currency":"usd","idempotencyKey":7,"apple":[]}"#,
            INVALID,
            &["merchantId", "idempotencyKey", "amount", "currency", "apple", "zebra"],
        ),
        (CAPTURE, "{}", INVALID, &["merchantId"]),
        (CAPTURE, r#"{"merchantId":"m","reason":"no"}"#, INVALID, &["reason"]),
        (CAPTURE, r#"{"merchantId":"m","currency":"USD"}"#, INVALID, &["currency"]),
        (REFUND, r#"{"merchantId":"m"}"#, INVALID, &["reason"]),
        (REFUND, r#"{"merchantId":"m","reason":""}"#, INVALID, &["reason"]),
        (REFUND, r#"{"merchantId":"m","reason":null}"#, INVALID, &["reason"]),
        (REFUND, r#"{"merchantId":"m","reason":"card 4111111111111111"}"#, INVALID, &["reason"]),
        (REFUND, r#"{"merchantId":"m","reason":"a\u0007"}"#, INVALID, &["reason"]),
        (CANCEL, r#"{"merchantId":"m"}"#, INVALID, &["reason"]),
        (CANCEL, r#"{"merchantId":"m","reason":"x","amount":5}"#, INVALID, &["amount"]),
    ])
    .await;
    let long = format!(r#"{{"merchantId":"m","reason":"{}"}}"#, "x".repeat(129));
    assert_table(&[(REFUND, &long, INVALID, &["reason"]), (CANCEL, &long, INVALID, &["reason"])]).await;
}

#[actix_web::test]
async fn payment_ids_that_name_nothing() {
    let ids = ["abc", "0", "-1", "+1024", "01024", "1.0", "1e3", "1024x", "%31%30%32%34%20", "９"];
    let huge = ["9007199254740992", "18446744073709551616", "99999999999999999999999999999999"];
    for id in ids.into_iter().chain(huge) {
        let id = id.replace('９', "%EF%BC%99");
        for (verb, body) in [
            ("capture", r#"{"merchantId":"m"}"#),
            ("refund", r#"{"merchantId":"m","reason":"r"}"#),
            ("cancel", r#"{"merchantId":"m","reason":"r"}"#),
        ] {
            assert_table(&[(&format!("/api/payments/{verb}/{id}"), body, NOT_FOUND, &[])]).await;
        }
        for path in
            [format!("/api/payments/{id}?merchantId=m"), format!("/payments/{id}/history?merchantId=m")]
        {
            let face = Face::new();
            assert_refused(&path, &face.get(&path).await, NOT_FOUND, &[]);
            assert_eq!(face.payments.calls(), [], "{path}");
        }
    }
    let invalid_first = "/api/payments/capture/abc";
    assert_table(&[(invalid_first, "{}", INVALID, &["merchantId"])]).await;
}

#[actix_web::test]
async fn queries() {
    let long = "x".repeat(33);
    let cases: &[(&str, &[&str])] = &[
        ("/api/payments", &["merchantId"]),
        ("/api/payments/1024", &["merchantId"]),
        ("/api/payments/1024/history", &["merchantId"]),
        ("/api/payments/1024?merchantId=", &["merchantId"]),
        ("/api/payments/1024?merchantid=m", &["merchantId", "merchantid"]),
        ("/api/payments/1024?merchantId=m&merchantId=m", &["merchantId"]),
        ("/api/payments/1024?merchantId=m&verbose=1", &["verbose"]),
        ("/api/payments/1024?merchantId=%00", &["merchantId"]),
        ("/api/payments/1024?merchantId=%FF%FE", &["merchantId"]),
        ("/api/payments/1024?merchantId=%C3%A4", &["merchantId"]),
        (&format!("/api/payments/1024?merchantId={long}"), &["merchantId"]),
        ("/api/payments?merchantId=m&limit=0", &["limit"]),
        ("/api/payments?merchantId=m&limit=201", &["limit"]),
        ("/api/payments?merchantId=m&limit=-1", &["limit"]),
        ("/api/payments?merchantId=m&limit=+5", &["limit"]),
        ("/api/payments?merchantId=m&limit=1.0", &["limit"]),
        ("/api/payments?merchantId=m&limit=ten", &["limit"]),
        ("/api/payments?merchantId=m&limit=", &["limit"]),
        ("/api/payments?merchantId=m&limit=99999999999999999999", &["limit"]),
        ("/api/payments?merchantId=m&status=captured", &["status"]),
        ("/api/payments?merchantId=m&status=READY,CAPTURED", &["status"]),
        ("/api/payments?merchantId=m&status=", &["status"]),
        ("/api/payments?merchantId=m&from=yesterday", &["from"]),
        ("/api/payments?merchantId=m&from=2026-01-01", &["from"]),
        ("/api/payments?merchantId=m&from=2026-02-30T00:00:00Z", &["from"]),
        ("/api/payments?merchantId=m&to=1767225600", &["to"]),
        ("/api/payments?merchantId=m&to=2026-01-01T00:00:00", &["to"]),
        ("/api/payments?merchantId=m&from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", &["to"]),
        ("/api/payments?merchantId=m&cursor=", &["cursor"]),
        ("/api/payments?merchantId=m&cursor=AAAA", &["cursor"]),
        ("/api/payments?merchantId=m&cursor=1024", &["cursor"]),
        ("/api/payments?merchantId=m&cursor=djEuMTAyNC4w", &["cursor"]),
        ("/api/payments?merchantId=m&cursor=%27%20OR%201=1", &["cursor"]),
        ("/api/payments?limit=0&status=no&page=2", &["merchantId", "status", "limit", "page"]),
    ];
    for (path, fields) in cases {
        let face = Face::new();
        assert_refused(path, &face.get(path).await, INVALID, fields);
        assert_eq!(face.payments.calls(), [], "{path}");
    }
    let body = r#"{"merchantId":"m"}"#;
    assert_table(&[(&format!("{CAPTURE}?amount=5"), body, INVALID, &["amount"])]).await;
}

#[actix_web::test]
async fn keys_in_headers() {
    let body = r#"{"merchantId":"m","amount":1,"currency":"USD"}"#;
    let with_key = r#"{"merchantId":"m","amount":1,"currency":"USD","idempotencyKey":"k-1"}"#;
    let long = "k".repeat(65);
    let cases = [
        (with_key, "k-2"),
        (with_key, r#""k-2""#),
        (with_key, "K-1"),
        (body, ""),
        (body, r#""""#),
        (body, r#"""#),
        (body, r#""open"#),
        (body, r#""two" "strings""#),
        (body, r#""with";parameter=1"#),
        (body, r#""bad \n escape""#),
        (body, "tab\tinside"),
        (body, "schl\u{fc}ssel"),
        (body, "4111111111111111"),
        (body, long.as_str()),
    ];
    for (body, header) in cases {
        let face = Face::new();
        let request = post(AUTHORIZE, body).insert_header(("Idempotency-Key", header));
        assert_refused(header, &face.send(request).await, INVALID, &["Idempotency-Key"]);
        assert_eq!(face.payments.calls(), [], "{header}");
    }
    let face = Face::new();
    let request = post(AUTHORIZE, body)
        .append_header(("Idempotency-Key", "k-1"))
        .append_header(("Idempotency-Key", "k-1"));
    assert_refused("two headers", &face.send(request).await, INVALID, &["Idempotency-Key"]);
}

#[actix_web::test]
async fn media_types() {
    let body = with_amount("1000");
    let refused = [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json; charset=latin1"),
        Some("application/json; version=2"),
        Some("application/jsonp"),
        Some("application/problem+json"),
        Some("json"),
        Some(""),
    ];
    for media_type in refused {
        let face = Face::new();
        let mut request = TestRequest::post().uri(AUTHORIZE).set_payload(body.clone());
        if let Some(media_type) = media_type {
            request = request.insert_header(("content-type", media_type));
        }
        assert_refused(media_type.unwrap_or("none"), &face.send(request).await, UNSUPPORTED, &[]);
        assert_eq!(face.payments.calls(), []);
    }
    let gzip = post(AUTHORIZE, &body).insert_header(("content-encoding", "gzip"));
    assert_refused("gzip", &Face::new().send(gzip).await, UNSUPPORTED, &[]);
    for media_type in ["application/json;charset=utf-8", "Application/JSON; Charset=\"UTF-8\""] {
        let request = TestRequest::post()
            .uri(AUTHORIZE)
            .insert_header(("content-type", media_type))
            .set_payload(body.clone());
        assert_eq!(Face::new().send(request).await.status, 200, "{media_type}");
    }
}

#[actix_web::test]
async fn size_depth_and_encoding() {
    let padded = |size: usize| {
        let body = with_amount("1000");
        format!("{body}{}", " ".repeat(size - body.len()))
    };
    let nested = |depth: usize| authorize_with(&format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth)));
    let bottomless = format!(r#"{{"x":{}"#, "[".repeat(60_000));
    assert_table(&[
        (AUTHORIZE, &padded(64 * 1024 + 1), TOO_LARGE, &[]),
        (AUTHORIZE, &padded(4 * 1024 * 1024), TOO_LARGE, &[]),
        (AUTHORIZE, &nested(31), INVALID, &["x"]),
        (AUTHORIZE, &nested(32), MALFORMED, &[]),
        (AUTHORIZE, &nested(5_000), MALFORMED, &[]),
        (AUTHORIZE, &bottomless, MALFORMED, &[]),
    ])
    .await;
    assert_eq!(Face::new().post(AUTHORIZE, &padded(64 * 1024)).await.status, 200);
    for bytes in
        [&b"{\"merchantId\":\"\xff\"}"[..], b"\xfe\xff\x00{\x00}", b"\x00", b"{\"a\":\"\xed\xa0\x80\"}"]
    {
        let request = post(AUTHORIZE, "").set_payload(bytes.to_vec());
        assert_refused("bytes", &Face::new().send(request).await, MALFORMED, &[]);
    }
}

#[actix_web::test]
async fn a_hostile_body_gets_a_short_answer() {
    let members: Vec<String> = (0..2_000).map(|n| format!(r#""{}{n}":1"#, "x".repeat(20))).collect();
    let reply = Face::new().post(AUTHORIZE, &format!("{{{}}}", members.join(","))).await;
    assert_eq!((reply.status, reply.fields().len()), (400, 20));
    assert!(reply.body.len() < 8 * 1024, "{} bytes", reply.body.len());
}
