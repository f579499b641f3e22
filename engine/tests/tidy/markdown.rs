//! The little of Markdown that the rules need.
//!
//! Owns headings with their anchors, links and code spans, each with its line. Never renders.

use std::collections::BTreeMap;

/// Something in a line of text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The link's target, or the code span's content.
    pub(crate) text: String,
    /// The line, from 1.
    pub(crate) line: usize,
}

/// Lines outside fenced code blocks, with their numbers.
pub(crate) fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Blocks fenced as `language`: the line of the first content line, and the content.
pub(crate) fn fenced(text: &str, language: &str) -> Vec<Spot> {
    let mut blocks: Vec<Spot> = Vec::new();
    let mut open = None;
    for (index, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(info), None) => {
                open = Some(info.trim() == language);
                if info.trim() == language {
                    blocks.push(Spot { text: String::new(), line: index + 2 });
                }
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(true)) => {
                let block = blocks.last_mut().expect("a block was opened");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(false) | None) => {}
        }
    }
    blocks
}

/// The targets of inline links, images included.
pub(crate) fn links(text: &str) -> Vec<Spot> {
    let mut found = Vec::new();
    for (line, content) in prose(text) {
        let bare = without_code(content);
        let mut rest = bare.as_str();
        while let Some(start) = rest.find("](") {
            rest = &rest[start + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split_whitespace().next().unwrap_or_default();
            found.push(Spot { text: target.to_owned(), line });
            rest = &rest[end..];
        }
    }
    found
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("")
}

/// The contents of code spans in these lines.
pub(crate) fn code_spans<'a>(lines: impl IntoIterator<Item = (usize, &'a str)>) -> Vec<Spot> {
    let spans = |(line, content): (usize, &'a str)| {
        let pieces: Vec<&str> = content.split('`').collect();
        // An odd number of backticks leaves the last piece open: a span that wraps, which no path does.
        let closed = if pieces.len().is_multiple_of(2) { pieces.len() - 1 } else { pieces.len() };
        let inner = pieces.into_iter().take(closed).skip(1).step_by(2);
        inner.map(move |text| Spot { text: text.to_owned(), line }).collect::<Vec<_>>()
    };
    lines.into_iter().flat_map(spans).collect()
}

/// The anchors of the headings, as the usual hosts make them.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose(text).into_iter().filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len() && title.starts_with(' ')).then(|| slug(title.trim()))
    });
    let mut anchors = Vec::new();
    for slug in headings {
        let count = seen.entry(slug.clone()).and_modify(|count| *count += 1).or_insert(0);
        anchors.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
    }
    anchors
}

fn slug(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

#[test]
fn links_are_found_outside_code() {
    let text = "see [a](b.md#c \"t\") and `[x](y)`\n```sh\n[d](e)\n```\n![p](q.png)";
    let found: Vec<(String, usize)> = links(text).into_iter().map(|spot| (spot.text, spot.line)).collect();
    assert_eq!(found, [("b.md#c".to_owned(), 1), ("q.png".to_owned(), 5)]);
}

#[test]
fn anchors_are_made_as_hosts_make_them() {
    assert_eq!(anchors("# A `b` c: d\n## Twice\n## Twice\n#no"), ["a-b-c-d", "twice", "twice-1"]);
}

#[test]
fn code_spans_are_closed() {
    let found: Vec<String> = code_spans([(1, "`a` b `c` d `e")]).into_iter().map(|spot| spot.text).collect();
    assert_eq!(found, ["a", "c"]);
}

#[test]
fn fenced_blocks_are_told_by_language() {
    let text = "```sh\na\nb\n```\n```text\nc\n```\n";
    assert_eq!(fenced(text, "sh"), [Spot { text: "a\nb\n".to_owned(), line: 2 }]);
}
