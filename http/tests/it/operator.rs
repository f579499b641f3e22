//! The operator listener: the tree and its drills, breakers, dead letters, totals, audit.

use actix_web::body::MessageBody;
use actix_web::test::{self, TestRequest};
use actix_web::{App, web};
use payment_http::operator;
use serde_json::json;

use crate::support::desk::Desk;
use crate::support::post;

const CHILD: &str = "root/child/1";

fn act(what: &str, target: &str) -> (String, String, String) {
    (what.to_owned(), target.to_owned(), "drill".to_owned())
}

#[actix_web::test]
async fn the_tree_is_shown_whole_or_in_part() {
    let desk = Desk::open().await;
    let whole = desk.get("/api/admin/actors").await.json();
    assert_eq!(whole["tree"]["path"], "root");
    assert_eq!(whole["tree"]["children"].as_array().unwrap().len(), 3);
    assert_eq!(whole["summary"]["alive"], 4);
    let root = desk.get("/api/admin/actors?depth=0").await.json();
    assert_eq!((&root["tree"]["children"], &root["tree"]["childrenTotal"]), (&json!([]), &json!(3)));
    let child = desk.get("/api/admin/actors?path=root/child/1").await.json();
    assert_eq!((&child["tree"]["path"], &child["tree"]["kind"]), (&json!(CHILD), &json!("idle")));
    assert_eq!(desk.get("/api/admin/actors?path=root/nobody").await.code().as_deref(), Some("NOT_FOUND"));
    for depth in ["-1", "x", "", "1.0", "01", "101"] {
        let reply = desk.get(&format!("/api/admin/actors?depth={depth}")).await;
        assert_eq!((reply.status, reply.fields()), (400, vec!["depth".to_owned()]), "{depth}");
    }
    desk.close().await;
}

#[actix_web::test]
async fn drills_are_audited_and_done() {
    let desk = Desk::open().await;
    for (verb, generation) in [("kill", 2), ("restart", 3)] {
        let body = format!(r#"{{"path":"{CHILD}","reason":"drill"}}"#);
        let reply = desk.post(&format!("/api/admin/actors/{verb}"), &body).await;
        assert_eq!((reply.status, reply.json()), (202, json!({"auditId": "audit-1"})), "{verb}");
        desk.until(|desk| desk.generation(CHILD) == generation).await;
    }
    for (verb, paused) in [("pause", true), ("resume", false)] {
        let body = format!(r#"{{"path":"{CHILD}","reason":"drill"}}"#);
        assert_eq!(desk.post(&format!("/api/admin/actors/{verb}"), &body).await.status, 202, "{verb}");
        let child = desk.get(&format!("/api/admin/actors?path={CHILD}")).await.json();
        assert_eq!(child["tree"]["paused"], paused, "{verb}");
    }
    let verbs = ["kill begun", "restart begun", "pause begun", "resume begun"];
    assert_eq!(desk.operator.acts(), verbs.map(|verb| act(verb, CHILD)));
    assert_eq!(desk.operator.actors(), ["local"; 4], "nobody is known where no keys are asked for");
    assert_eq!(desk.generation("root/child/0"), 1, "neighbours are untouched");
    desk.close().await;
}

#[actix_web::test]
async fn drills_that_are_refused_do_nothing() {
    let desk = Desk::open().await;
    let cases = [
        (r#"{"path":"root/child/1"}"#, 400, "VALIDATION_FAILED"),
        (r#"{"path":"root/child/1","reason":""}"#, 400, "VALIDATION_FAILED"),
        (r#"{"path":"root/child/1","reason":"  "}"#, 400, "VALIDATION_FAILED"),
        (r#"{"reason":"drill"}"#, 400, "VALIDATION_FAILED"),
        (r#"{"path":"","reason":"drill"}"#, 400, "VALIDATION_FAILED"),
        (r#"{"path":"root/child/1","reason":"drill","force":true}"#, 400, "VALIDATION_FAILED"),
        ("{", 400, "MALFORMED_JSON"),
        (r#"{"path":"root/nobody","reason":"drill"}"#, 404, "NOT_FOUND"),
        (r#"{"path":"root","reason":"drill"}"#, 409, "OPERATION_SETTLED"),
    ];
    for verb in ["restart", "kill", "pause", "resume"] {
        for (body, status, code) in cases {
            let reply = desk.post(&format!("/api/admin/actors/{verb}"), body).await;
            assert_eq!((reply.status, reply.code().as_deref()), (status, Some(code)), "{verb} {body}");
        }
    }
    assert_eq!(desk.post("/api/admin/actors/explode", "{}").await.status, 404);
    assert_eq!(desk.operator.acts(), []);
    *desk.operator.store_is_down.lock() = true;
    let reply = desk.post("/api/admin/actors/kill", r#"{"path":"root/child/1","reason":"drill"}"#).await;
    assert_eq!((reply.status, desk.generation(CHILD)), (503, 1), "what cannot be audited is not done");
    desk.close().await;
}

#[actix_web::test]
async fn pages_of_other_sites_cannot_act() {
    let desk = Desk::open().await;
    let body = r#"{"path":"root/child/1","reason":"drill"}"#;
    let cases: [(&[(&str, &str)], u16); 11] = [
        (&[("origin", "http://127.0.0.1:8082")], 202),
        (&[("origin", "http://localhost:8082"), ("host", "localhost:8082")], 202),
        (&[("origin", "http://[::1]:8082"), ("host", "[::1]:8082")], 202),
        (&[("sec-fetch-site", "same-origin")], 202),
        (&[("sec-fetch-site", "none")], 202),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("origin", "https://elsewhere.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "http://127.0.0.1:9999")], 403),
        (&[("origin", "http://rebound.example:8082"), ("host", "rebound.example:8082")], 403),
    ];
    for (headers, status) in cases {
        let mut request = post("/api/admin/actors/pause", body).insert_header(("host", "127.0.0.1:8082"));
        for header in headers {
            request = request.insert_header(*header);
        }
        assert_eq!(desk.send(request).await.status, status, "{headers:?}");
    }
    let form = TestRequest::post()
        .uri("/api/admin/actors/kill")
        .insert_header(("content-type", "text/plain"))
        .set_payload(body);
    assert_eq!(desk.send(form).await.status, 415, "what a form can send is not taken");
    desk.close().await;
}

#[actix_web::test]
async fn the_stream_shows_the_tree_until_the_actor_is_gone() {
    let desk = Desk::open().await;
    let state = desk.state.clone();
    let configure = move |config: &mut web::ServiceConfig| operator::configure(config, &state);
    let app = test::init_service(App::new().configure(configure)).await;
    let request = TestRequest::get().uri("/api/admin/actors/stream?path=root/child/1&depth=0").to_request();
    let response = test::call_service(&app, request).await;
    assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
    let mut body = Box::pin(response.into_body());
    let mut next = async || {
        let chunk = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
        chunk.map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap())
    };
    let first = next().await.unwrap();
    let data = first.strip_prefix("event: tree\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
    let snapshot: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(snapshot["tree"]["path"], CHILD);
    desk.close().await;
    let mut last = String::new();
    while let Some(event) = next().await {
        last = event;
    }
    assert_eq!(last, "event: gone\ndata: {}\n\n");
}

#[actix_web::test]
async fn breakers_are_shown_and_set() {
    let desk = Desk::open().await;
    let expected = json!({
        "name": "kafka-publisher", "state": "CLOSED", "numberOfSuccessfulCalls": 14, "numberOfFailedCalls": 11,
        "numberOfSlowCalls": 2, "numberOfSlowSuccessfulCalls": 1, "numberOfSlowFailedCalls": 1,
        "numberOfBufferedCalls": 25, "numberOfNotPermittedCalls": 0, "failureRate": "44.00%",
        "slowCallRate": "8.00%",
        "changes": [{"number": 1, "from": "HALF_OPEN", "to": "CLOSED", "agoMs": 250}],
    });
    assert_eq!(desk.get("/circuit-breaker/kafka-publisher").await.json(), expected);
    let status = desk.get("/circuit-breaker/status").await.json();
    assert_eq!((&status["breakers"][0], status["breakers"].as_array().unwrap().len()), (&expected, 2));
    assert_eq!(desk.get("/circuit-breaker/nobody").await.status, 404);
    let analysed = desk.get("/monitoring/circuit-breaker").await.json();
    assert_eq!(analysed["breakers"][0]["analysis"], "11 of the last 25 calls failed; calls pass");
    assert_eq!(
        desk.get("/monitoring/circuit-breaker/status").await.json()["breakers"][0]["health"],
        "healthy"
    );
    let health = desk.get("/monitoring/circuit-breaker/health").await;
    let refusing = health.json()["health"] == "refusing";
    assert_eq!(health.status, if refusing { 503 } else { 200 });
    let ill = desk.get("/monitoring/circuit-breaker/diagnose").await.json();
    assert!(ill["breakers"].as_array().unwrap().iter().all(|breaker| breaker["health"] != "healthy"));
    for state in ["CLOSED", "FORCED_OPEN", "DISABLED", "FORCED_HALF_OPEN"] {
        let body = format!(r#"{{"state":"{state}","reason":"drill"}}"#);
        assert_eq!(desk.post("/circuit-breaker/pg-authorize/state", &body).await.status, 202, "{state}");
    }
    let commands = ["Closed", "ForcedOpen", "Disabled", "ForcedHalfOpen"];
    assert_eq!(desk.operator.acts(), commands.map(|command| act(command, "pg-authorize")));
    let open = r#"{"state":"OPEN","reason":"drill"}"#;
    assert_eq!(desk.post("/circuit-breaker/pg-authorize/state", open).await.fields(), ["state"]);
    let closed = r#"{"state":"CLOSED","reason":"drill"}"#;
    assert_eq!(desk.post("/circuit-breaker/nobody/state", closed).await.status, 404);
    desk.close().await;
}

#[actix_web::test]
async fn dead_letters_are_read_replayed_and_discarded() {
    let desk = Desk::open().await;
    let page = desk.get("/api/admin/dlq/settlement.dlq?limit=2&status=open").await.json();
    assert_eq!(page["letters"][0]["id"], "3-2-1");
    assert_eq!(page["letters"][1]["body"]["retryCount"], 10);
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = desk.get(&format!("/api/admin/dlq/settlement.dlq?status=open&cursor={cursor}")).await.json();
    assert_eq!((&rest["letters"][0]["id"], &rest["nextCursor"]), (&json!("1-2-1"), &json!(null)));
    let foreign = desk.get(&format!("/api/admin/dlq/refund.dlq?cursor={cursor}")).await;
    assert_eq!(foreign.fields(), ["cursor"]);
    assert_eq!(desk.get("/api/admin/dlq/settlement.dlq?status=lost").await.fields(), ["status"]);
    for path in ["payment.captured", "nothing.dlq", "settlement.dlq/9-9-9", "refund.dlq/1-2-1"] {
        assert_eq!(desk.get(&format!("/api/admin/dlq/{path}")).await.status, 404, "{path}");
    }
    let letter = desk.get("/api/admin/dlq/settlement.dlq/1-2-1").await.json();
    assert_eq!((&letter["operation"], &letter["operationNo"]), (&json!("capture"), &json!(2)));
    for changed in [true, false] {
        let reply = desk.post("/api/admin/dlq/settlement.dlq/1-2-1/replay", r#"{"reason":"drill"}"#).await;
        let expected = json!({"changed": changed, "status": "replayed", "auditId": "audit-1"});
        assert_eq!((reply.status, reply.json()), (200, expected));
    }
    let discard = "/api/admin/dlq/settlement.dlq/1-2-1/discard";
    assert_eq!(desk.post(discard, "{}").await.fields(), ["reason"]);
    assert_eq!(desk.post(discard, r#"{"reason":"drill"}"#).await.json()["status"], "discarded");
    desk.close().await;
}

#[actix_web::test]
async fn outcomes_are_resolved_by_an_operators_word() {
    let desk = Desk::open().await;
    let path = "/api/admin/payments/1024/resolve";
    let body = r#"{"operationNo":2,"outcome":"approved","pgTransactionId":"T-9","reason":"drill"}"#;
    assert_eq!(desk.post(path, body).await.status, 202);
    let body = r#"{"operationNo":2,"outcome":"failed","reason":"drill"}"#;
    assert_eq!(desk.post(path, body).await.json(), json!({"auditId": "audit-1"}));
    let expected = [act("resolve Approved T-9", "1024/2"), act("resolve Failed -", "1024/2")];
    assert_eq!(desk.operator.acts(), expected);
    let cases: [(&str, &[&str]); 6] = [
        ("{}", &["operationNo", "outcome", "reason"]),
        (r#"{"operationNo":0,"outcome":"approved","reason":"r"}"#, &["operationNo"]),
        (r#"{"operationNo":4294967296,"outcome":"approved","reason":"r"}"#, &["operationNo"]),
        (r#"{"operationNo":"2","outcome":"approved","reason":"r"}"#, &["operationNo"]),
        (r#"{"operationNo":2,"outcome":"unknown","reason":"r"}"#, &["outcome"]),
        (r#"{"operationNo":2,"outcome":"approved","pgTransactionId":"","reason":"r"}"#, &["pgTransactionId"]),
    ];
    for (body, fields) in cases {
        let reply = desk.post(path, body).await;
        assert_eq!((reply.status, reply.fields()), (400, fields.iter().map(ToString::to_string).collect()));
    }
    let good = r#"{"operationNo":2,"outcome":"approved","reason":"r"}"#;
    assert_eq!(desk.post("/api/admin/payments/abc/resolve", good).await.status, 404);
    desk.close().await;
}

#[actix_web::test]
async fn totals_audit_metrics_and_health() {
    let desk = Desk::open().await;
    let settlement = desk.get("/stats/settlement").await.json();
    let expected = json!({
        "total": 10, "approved": 2, "open": 7, "deadLettered": 1, "givenUp": 0, "delayed": 3,
        "successRate": 66.67, "deadLetters": 1,
    });
    assert_eq!(settlement, expected);
    let refund = desk.get("/stats/refund").await.json();
    assert_eq!((&refund["successRate"], &refund["deadLetters"]), (&json!(null), &json!(0)));
    let overview = desk.get("/stats/overview").await.json();
    assert_eq!((&overview["payments"], &overview["byStatus"]["CANCELLED"]), (&json!(55), &json!(10)));
    assert_eq!(overview["settlement"], expected);
    assert_eq!(overview["deadLetters"], json!({"payment.dlq": 0, "refund.dlq": 0, "settlement.dlq": 1}));
    assert_eq!(overview["delayed"], 3);

    let page = desk.get("/api/admin/audit?limit=2").await.json();
    assert_eq!((&page["entries"][0]["id"], &page["entries"][0]["who"]), (&json!("audit-3"), &json!("local")));
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = desk.get(&format!("/api/admin/audit?cursor={cursor}")).await.json();
    assert_eq!((&rest["entries"][0]["id"], &rest["nextCursor"]), (&json!("audit-1"), &json!(null)));

    for path in ["/metrics", "/actuator/prometheus"] {
        let reply = desk.get(path).await;
        assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(reply.body, b"payment_actors_live 4\n");
    }
    assert_eq!(desk.get("/actuator/health").await.json()["status"], "UP");
    desk.payments.unready.lock().push("store: does not answer".to_owned());
    let reply = desk.get("/actuator/health").await;
    assert_eq!((reply.status, &reply.json()["notReady"][0]), (503, &json!("store: does not answer")));
    desk.close().await;
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_problems() {
    let desk = Desk::open().await;
    assert_eq!(desk.get("/api/payments").await.code().as_deref(), Some("NOT_FOUND"));
    let reply = desk.get("/api/admin/actors/kill").await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    let reply = desk.post("/stats/refund", "{}").await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD")));
    desk.close().await;
}
