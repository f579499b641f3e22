//! The OpenAPI document: that it is one, that it is complete, and that it tells the truth.

use std::collections::BTreeSet;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use jsonschema::Validator;
use payment_schema::problem::ProblemCode;
use serde_json::{Value, json};

use crate::support::{Face, post};

const MERCHANT: &str = "merchantId=shop+%26%20co%2F1";

async fn document() -> Value {
    let reply = Face::new().get("/openapi.json").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    reply.json()
}

/// The operations of the document: method, path and description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap().clone();
        item.into_iter().map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
    });
    all.collect()
}

/// A validator of the schema at a JSON pointer into the document.
fn validator(document: &Value, pointer: &str) -> Validator {
    let mut root = document.clone();
    root.as_object_mut().unwrap().insert("$ref".to_owned(), json!(format!("#{pointer}")));
    root.as_object_mut()
        .unwrap()
        .insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    jsonschema::validator_for(&root).unwrap()
}

fn schema_of_answer(path: &str, method: &str, status: &str, media_type: &str) -> String {
    let escape =
        |text: &str| text.replace('~', "~0").replace('/', "~1").replace('{', "%7B").replace('}', "%7D");
    format!("/paths/{}/{method}/responses/{status}/content/{}/schema", escape(path), escape(media_type))
}

#[actix_web::test]
async fn names_every_route_and_each_exists() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let named: BTreeSet<String> =
        operations(&document).into_iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let expected = [
        "GET /api/payments",
        "GET /api/payments/{paymentId}",
        "GET /api/payments/{paymentId}/history",
        "GET /health/live",
        "GET /health/ready",
        "POST /api/payments/authorize",
        "POST /api/payments/cancel/{paymentId}",
        "POST /api/payments/capture/{paymentId}",
        "POST /api/payments/refund/{paymentId}",
    ];
    assert_eq!(named, expected.map(str::to_owned).into());
    for (method, path, _) in operations(&document) {
        let path = path.replace("{paymentId}", "1024");
        let request = TestRequest::with_uri(&path).method(Method::from_bytes(method.as_bytes()).unwrap());
        let reply = Face::new().send(request).await;
        assert!(![404, 405].contains(&reply.status), "{method} {path}: {}", reply.status);
    }
}

#[actix_web::test]
async fn is_well_formed() {
    let document = document().await;
    let text = document.to_string();
    for (at, _) in text.match_indices("\"$ref\":\"#") {
        let pointer = text[at + 9..].split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    for (name, _) in document["components"]["schemas"].as_object().unwrap() {
        validator(&document, &format!("/components/schemas/{name}"));
    }
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(operation["summary"].is_string(), "{at} has a summary");
        assert!(operation["operationId"].is_string(), "{at} has an id");
        let inside = path.matches('{').count();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let described = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(inside, described, "{at} describes its path");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{at} describes {status}");
        }
    }
}

#[actix_web::test]
async fn offers_keys_for_payments_and_for_nothing_else() {
    let document = document().await;
    let scheme = &document["components"]["securitySchemes"]["merchantKey"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    for (method, path, operation) in operations(&document) {
        let offered = !operation["security"].is_null();
        assert_eq!(offered, path.starts_with("/api/payments"), "{method} {path}");
    }
}

#[actix_web::test]
async fn knows_every_code() {
    let document = document().await;
    let codes: Vec<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(document["components"]["schemas"]["Code"]["enum"], json!(codes));
    let mut shown = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let media_type = "application/problem+json";
            let Some(examples) = response["content"][media_type]["examples"].as_object() else { continue };
            let pointer = schema_of_answer(&path, &method.to_lowercase(), status, media_type);
            let schema = validator(&document, &pointer);
            for (code, example) in examples {
                assert_eq!(example["value"]["status"].to_string(), *status);
                assert_eq!(example["value"]["code"], *code);
                assert!(schema.is_valid(&example["value"]), "{example}");
                shown.insert(code.clone());
            }
        }
    }
    // The rest belongs to the operator listener, and to paths that are not in the document.
    let missing: Vec<_> = codes.iter().filter(|code| !shown.contains(**code)).collect();
    assert_eq!(missing, [&"METHOD_NOT_ALLOWED", &"OPERATION_SETTLED"]);
}

#[actix_web::test]
async fn examples_of_requests_are_taken() {
    let document = document().await;
    for (method, path, operation) in operations(&document) {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(reference) = body.as_str() else { continue };
        let schema = document.pointer(&reference[1..]).unwrap();
        let example = schema.get("example").or_else(|| schema["examples"].get(0)).unwrap();
        assert!(validator(&document, &reference[1..]).is_valid(example), "{example}");
        let path = path.replace("{paymentId}", "1024");
        let reply = Face::new().post(&path, &example.to_string()).await;
        assert_eq!(reply.status, 200, "{method} {path} {example}");
    }
}

#[actix_web::test]
async fn answers_are_as_described() {
    let document = document().await;
    let face = Face::new();
    *face.payments.listed.lock() = vec![3, 2, 1];
    let authorize = r#"{"merchantId":"m","amount":1,"currency":"USD","idempotencyKey":"k"}"#;
    let refund = r#"{"merchantId":"m","reason":"r"}"#;
    let get = |path: &str| TestRequest::get().uri(path);
    let cases = [
        (post("/api/payments/authorize", authorize), "/api/payments/authorize", "post"),
        (post("/api/payments/authorize", "{}"), "/api/payments/authorize", "post"),
        (post("/api/payments/refund/1024", refund), "/api/payments/refund/{paymentId}", "post"),
        (get(&format!("/api/payments/1024?{MERCHANT}")), "/api/payments/{paymentId}", "get"),
        (get("/api/payments/1024?merchantId=thief"), "/api/payments/{paymentId}", "get"),
        (get(&format!("/api/payments/1024/history?{MERCHANT}")), "/api/payments/{paymentId}/history", "get"),
        (get(&format!("/api/payments?{MERCHANT}&limit=2")), "/api/payments", "get"),
        (get("/health/ready"), "/health/ready", "get"),
    ];
    for (request, path, method) in cases {
        let reply = face.send(request).await;
        let media_type = reply.header("content-type").unwrap();
        let pointer = schema_of_answer(path, method, &reply.status.to_string(), media_type);
        let body = reply.json();
        let errors: Vec<_> =
            validator(&document, &pointer).iter_errors(&body).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{method} {path}: {body}");
    }
}

#[actix_web::test]
async fn describes_every_member_of_a_payment() {
    let document = document().await;
    let payment = Face::new().get(&format!("/api/payments/1024?{MERCHANT}")).await.json();
    let shown: BTreeSet<_> = payment.as_object().unwrap().keys().filter(|name| *name != "metadata").collect();
    let schema = &document["components"]["schemas"]["Payment"];
    let described: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(shown, described);
    assert_eq!(schema["required"].as_array().unwrap().len(), described.len(), "every member is present");
}
