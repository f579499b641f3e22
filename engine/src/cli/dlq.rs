//! `dlq`: dead letters of a running engine.

use serde_json::Value;

use super::args::{Act, Dlq};
use super::failure::Failure;
use super::operator::Operator;
use super::terminal::{print, table};

pub(super) fn run(asked: &Dlq, operator: &Operator) -> Result<(), Failure> {
    match asked {
        Dlq::List { topic, status, json } => list(operator, topic, status.as_deref(), *json),
        Dlq::Show { topic, id, json } => show(operator, topic, id, *json),
        Dlq::Replay(act) => settle(operator, act, "replay"),
        Dlq::Discard(act) => settle(operator, act, "discard"),
    }
}

fn list(operator: &Operator, topic: &str, status: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut query = vec![("limit", "200")];
    query.extend(status.map(|status| ("status", status)));
    let found = operator.get(&["api", "admin", "dlq", topic], &query)?;
    if json {
        return print(&format!("{found}\n"));
    }
    let letters = found["letters"].as_array().map_or(&[][..], Vec::as_slice);
    if letters.is_empty() {
        return print(&format!("no dead letters in {topic}\n"));
    }
    let rows: Vec<[String; 6]> = letters
        .iter()
        .map(|letter| {
            ["id", "status", "paymentId", "operation", "errorType", "createdAt"].map(|key| text(&letter[key]))
        })
        .collect();
    let more = if found["nextCursor"].is_null() { "" } else { "older ones are not shown\n" };
    print(&format!("{}{more}", table(["id", "status", "payment", "operation", "error", "written"], &rows)))
}

fn show(operator: &Operator, topic: &str, id: &str, json: bool) -> Result<(), Failure> {
    let letter = operator.get(&["api", "admin", "dlq", topic, id], &[])?;
    if json {
        return print(&format!("{letter}\n"));
    }
    let mut page = String::new();
    for (key, value) in letter.as_object().into_iter().flatten().filter(|(key, _)| *key != "body") {
        page.push_str(&format!("{key:<14} {}\n", text(value)));
    }
    let body = serde_json::to_string_pretty(&letter["body"]).unwrap_or_default();
    print(&format!("{page}body\n{body}\n"))
}

fn settle(operator: &Operator, act: &Act, verb: &str) -> Result<(), Failure> {
    let done = operator.act(&["api", "admin", "dlq", &act.topic, &act.id, verb], &act.reason)?;
    if act.json {
        return print(&format!("{done}\n"));
    }
    let status = text(&done["status"]);
    print(&if done["changed"] == true {
        format!("{} is {status}; audit entry {}\n", act.id, text(&done["auditId"]))
    } else {
        format!("nothing changed: {} is {status} already\n", act.id)
    })
}

/// A value as a cell.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
