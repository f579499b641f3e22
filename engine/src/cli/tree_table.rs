//! The supervision tree as a table: one row per actor, indented below its supervisor.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::terminal::table;

/// Payments shown per shard; there may be a million.
const SHOWN_PAYMENTS: usize = 8;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    summary: Summary,
    tree: Node,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    alive: u64,
    restarting: u64,
    backing_off: u64,
    given_up: u64,
    queued: u64,
    restarts_total: u64,
    outbox_pending: u64,
    dead_letters: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    path: String,
    kind: String,
    state: String,
    #[serde(default)]
    paused: bool,
    mailbox_length: u64,
    mailbox_capacity: u64,
    oldest_message_age_ms: Option<u64>,
    messages_per_second: f64,
    handler_p99_micros: Option<u64>,
    current: Option<Current>,
    restarts_in_window: u64,
    restarts_total: u64,
    generation: u64,
    last_exit: Option<Exit>,
    uptime_ms: Option<u64>,
    children_total: usize,
    #[serde(default)]
    children: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Current {
    message: String,
    elapsed_ms: u64,
}

#[derive(Deserialize)]
struct Exit {
    reason: String,
}

const HEAD: [&str; 11] =
    ["actor", "kind", "state", "mailbox", "oldest", "msg/s", "p99", "restarts", "last exit", "gen", "uptime"];

/// The page for a terminal.
pub(super) fn page(answer: &Value) -> String {
    let Ok(answer) = Answer::deserialize(answer) else {
        return "the answer is no supervision tree; is the engine of the same version?\n".to_owned();
    };
    let mut rows = Vec::new();
    add(&answer.tree, "", "", &mut rows);
    format!("{}\n\n{}", summary(&answer.summary), table(HEAD, &rows))
}

fn summary(summary: &Summary) -> String {
    let Summary {
        alive,
        restarting,
        backing_off,
        given_up,
        queued,
        restarts_total,
        outbox_pending,
        dead_letters,
    } = summary;
    format!(
        "{alive} alive · {restarting} restarting · {backing_off} backing off · {given_up} given up · {queued} queued · \
         {restarts_total} restarts · {outbox_pending} in outbox · {dead_letters} dead letters"
    )
}

/// Adds a node and what is below it. `branch` is drawn before its name, `below` before its children's branches.
fn add(node: &Node, branch: &str, below: &str, rows: &mut Vec<[String; HEAD.len()]>) {
    rows.push(row(node, branch));
    let shown =
        node.children.iter().filter(|child| child.kind == "payment").count().saturating_sub(SHOWN_PAYMENTS);
    let shown = node.children.len() - shown;
    let hidden = node.children_total.saturating_sub(shown);
    for (index, child) in node.children.iter().take(shown).enumerate() {
        let last = index + 1 == shown && hidden == 0;
        let (drawn, next) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        add(child, &format!("{below}{drawn}"), &format!("{below}{next}"), rows);
    }
    if hidden > 0 && !node.children.is_empty() {
        let mut more = std::array::from_fn(|_| String::new());
        more[0] = format!("{below}└─ and {hidden} more");
        rows.push(more);
    }
}

fn row(node: &Node, branch: &str) -> [String; HEAD.len()] {
    let name = node.path.rsplit('/').next().unwrap_or(&node.path);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    [
        format!("{branch}{name}"),
        node.kind.clone(),
        state(node),
        format!("{}/{}", node.mailbox_length, node.mailbox_capacity),
        or_dash(node.oldest_message_age_ms.map(millis)),
        format!("{:.1}", node.messages_per_second),
        or_dash(node.handler_p99_micros.map(|micros| span(Duration::from_micros(micros)))),
        restarts(node),
        or_dash(node.last_exit.as_ref().map(|exit| exit.reason.clone())),
        node.generation.to_string(),
        or_dash(node.uptime_ms.map(millis)),
    ]
}

fn state(node: &Node) -> String {
    let state = match &node.current {
        Some(current) => format!("{} {} {}", node.state, current.message, millis(current.elapsed_ms)),
        None => node.state.clone(),
    };
    if node.paused { format!("{state}, paused") } else { state }
}

fn restarts(node: &Node) -> String {
    if node.restarts_in_window == 0 {
        return node.restarts_total.to_string();
    }
    format!("{} ({} lately)", node.restarts_total, node.restarts_in_window)
}

fn millis(millis: u64) -> String {
    span(Duration::from_millis(millis))
}

/// A duration in its largest fitting unit.
fn span(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros}µs"),
        1_000..1_000_000 => format!("{}ms", micros / 1_000),
        1_000_000..120_000_000 => format!("{}s", micros / 1_000_000),
        120_000_000..7_200_000_000 => format!("{}m", micros / 60_000_000),
        7_200_000_000..172_800_000_000 => format!("{}h", micros / 3_600_000_000),
        _ => format!("{}d", micros / 86_400_000_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(path: &str, kind: &str, children: &[Value]) -> Value {
        json!({
            "path": path, "kind": kind, "state": "running", "mailboxLength": 1, "mailboxCapacity": 64,
            "oldestMessageAgeMs": 1_500, "messagesPerSecond": 2.25, "handlerP99Micros": 250, "current": null,
            "restartsInWindow": 1, "restartsTotal": 3, "generation": 4, "lastExit": {"reason": "panic"},
            "uptimeMs": 7_200_000, "childrenTotal": children.len(), "children": children
        })
    }

    #[test]
    fn each_actor_has_its_row_below_its_supervisor() {
        let payments: Vec<Value> =
            (0..10).map(|id| node(&format!("root/payments/shard-0/payment/{id}"), "payment", &[])).collect();
        let shard = node("root/payments/shard-0", "payment-shard", &payments);
        let tree = node("root", "root", &[node("root/journal", "journal", &[]), shard]);
        let summary = json!({
            "alive": 13, "restarting": 0, "backingOff": 0, "givenUp": 0, "queued": 1, "restartsTotal": 3,
            "outboxPending": 5, "deadLetters": 2
        });

        let page = page(&json!({"summary": summary, "tree": tree}));

        let lines: Vec<&str> = page.lines().collect();
        assert!(
            lines[0].starts_with("13 alive") && lines[0].ends_with("5 in outbox · 2 dead letters"),
            "{page}"
        );
        let row = lines.iter().find(|line| line.contains("├─ journal")).expect("the journal's row");
        for word in ["running", "1/64", "1s", "2.2", "250µs", "3 (1 lately)", "panic", "4", "2h"] {
            assert!(row.contains(word), "{word} is missing from {row}");
        }
        assert!(lines.iter().any(|line| line.contains("└─ and 2 more")), "{page}");
    }
}
