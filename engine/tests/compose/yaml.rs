//! The part of YAML that our own files use: block mappings and sequences, one-line flow sequences, plain and quoted
//! scalars, comments, anchors, aliases and merge keys. Anything else is an error, so that nothing is read wrongly.

use std::collections::BTreeMap;
use std::fmt;

/// A value. Scalars are texts: whether one is a number matters to nobody here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Yaml {
    /// Nothing after the colon.
    Empty,
    /// A scalar.
    Text(String),
    /// A sequence.
    List(Vec<Yaml>),
    /// A mapping, in the order of its keys.
    Map(BTreeMap<String, Yaml>),
}

impl Yaml {
    /// The value at a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Yaml> {
        path.iter().try_fold(self, |value, key| value.map().get(*key))
    }

    /// The scalar at a path of keys.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        match self.at(path)? {
            Yaml::Text(text) => Some(text),
            Yaml::Empty | Yaml::List(_) | Yaml::Map(_) => None,
        }
    }

    /// The texts of the sequence at a path of keys; none when there is none.
    pub(crate) fn texts_at(&self, path: &[&str]) -> Vec<&str> {
        let Some(Yaml::List(items)) = self.at(path) else { return Vec::new() };
        items.iter().filter_map(|item| item.text_at(&[])).collect()
    }

    /// The entries of a mapping; none of anything else.
    pub(crate) fn map(&self) -> &BTreeMap<String, Yaml> {
        static NONE: BTreeMap<String, Yaml> = BTreeMap::new();
        match self {
            Yaml::Map(entries) => entries,
            Yaml::Empty | Yaml::Text(_) | Yaml::List(_) => &NONE,
        }
    }
}

/// Where a document is not what can be read here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

/// A line that says something: its number, its indentation and the rest.
#[derive(Clone)]
struct Line {
    number: usize,
    indent: usize,
    text: String,
}

impl Line {
    fn problem<T>(&self, what: impl Into<String>) -> Result<T, Problem> {
        Err(Problem { line: self.number, what: what.into() })
    }
}

/// Reads a document.
pub(crate) fn parse(text: &str) -> Result<Yaml, Problem> {
    let mut reader = Reader { lines: lines(text), next: 0, anchors: BTreeMap::new() };
    let value = reader.block(0)?;
    match reader.peek() {
        Some(line) => line.problem("is indented less or more than what it belongs to"),
        None => Ok(value),
    }
}

fn lines(text: &str) -> Vec<Line> {
    let numbered = text.lines().enumerate();
    let said = numbered.filter_map(|(index, line)| {
        let trimmed = line.trim_start();
        (!trimmed.is_empty() && !trimmed.starts_with('#')).then(|| Line {
            number: index + 1,
            indent: line.len() - trimmed.len(),
            text: trimmed.trim_end().to_owned(),
        })
    });
    said.collect()
}

struct Reader {
    lines: Vec<Line>,
    next: usize,
    anchors: BTreeMap<String, Yaml>,
}

impl Reader {
    fn peek(&self) -> Option<&Line> {
        self.lines.get(self.next)
    }

    /// The mapping or sequence whose lines have this indentation.
    fn block(&mut self, indent: usize) -> Result<Yaml, Problem> {
        match self.peek() {
            Some(line) if line.text.starts_with("- ") => self.sequence(indent),
            Some(_) => self.mapping(indent),
            None => Ok(Yaml::Empty),
        }
    }

    fn sequence(&mut self, indent: usize) -> Result<Yaml, Problem> {
        let mut items = Vec::new();
        while let Some(line) = self.peek().filter(|line| line.indent == indent).cloned() {
            let Some(item) = line.text.strip_prefix("- ") else { break };
            if key_of(item).is_some() {
                // A mapping that begins behind the dash: its first key lies two columns further in.
                self.lines[self.next] =
                    Line { number: line.number, indent: indent + 2, text: item.to_owned() };
                items.push(self.mapping(indent + 2)?);
            } else {
                self.next += 1;
                items.push(self.value(&line, item)?);
            }
        }
        Ok(Yaml::List(items))
    }

    fn mapping(&mut self, indent: usize) -> Result<Yaml, Problem> {
        let mut entries = BTreeMap::new();
        let mut inherited = BTreeMap::new();
        while let Some(line) = self.peek().filter(|line| line.indent == indent).cloned() {
            let Some((key, rest)) = key_of(&line.text) else {
                return line.problem("is neither `key: value` nor `- item`");
            };
            self.next += 1;
            let value = self.anchored(&line, rest)?;
            if key == "<<" {
                inherited.extend(value.map().clone());
            } else if entries.insert(key.to_owned(), value).is_some() {
                return line.problem(format!("gives {key} a second time"));
            }
        }
        inherited.extend(entries);
        Ok(Yaml::Map(inherited))
    }

    /// What stands behind a key: an anchor's name, perhaps, and a value there or in the lines below.
    fn anchored(&mut self, line: &Line, rest: &str) -> Result<Yaml, Problem> {
        let Some(named) = rest.strip_prefix('&') else { return self.below_or_here(line, rest) };
        let (name, rest) = named.split_once(' ').unwrap_or((named, ""));
        let value = self.below_or_here(line, rest.trim())?;
        self.anchors.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    fn below_or_here(&mut self, line: &Line, rest: &str) -> Result<Yaml, Problem> {
        if !rest.is_empty() {
            return self.value(line, rest);
        }
        match self.peek().map(|next| next.indent).filter(|indent| *indent > line.indent) {
            Some(indent) => self.block(indent),
            None => Ok(Yaml::Empty),
        }
    }

    /// A value on one line.
    fn value(&self, line: &Line, text: &str) -> Result<Yaml, Problem> {
        if let Some(name) = text.strip_prefix('*') {
            let known = self.anchors.get(name).cloned();
            return known.map_or_else(|| line.problem(format!("knows no anchor {name}")), Ok);
        }
        if let Some(inner) = text.strip_prefix('[') {
            let Some(inner) = inner.strip_suffix(']') else {
                return line.problem("has a flow sequence that does not end on it");
            };
            return items(line, inner);
        }
        scalar(line, text).map(Yaml::Text)
    }
}

/// A line's key and what is behind it.
fn key_of(text: &str) -> Option<(&str, &str)> {
    let (key, rest) = text.split_once(": ").or_else(|| text.strip_suffix(':').map(|key| (key, "")))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.<".contains(c);
    (!key.is_empty() && key.chars().all(plain)).then_some((key, rest.trim()))
}

/// The scalars of a flow sequence; none of ours nests.
fn items(line: &Line, inner: &str) -> Result<Yaml, Problem> {
    let mut items = Vec::new();
    let mut rest = inner.trim();
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('"').and_then(|inner| inner.find('"')).map(|length| length + 2);
        let end = quoted.unwrap_or_else(|| rest.find(',').unwrap_or(rest.len()));
        items.push(Yaml::Text(scalar(line, rest[..end].trim())?));
        rest = rest[end..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Ok(Yaml::List(items))
}

fn scalar(line: &Line, text: &str) -> Result<String, Problem> {
    if let Some(inner) = text.strip_prefix('"') {
        return match inner.strip_suffix('"') {
            Some(inner) if !inner.contains(['"', '\\']) => Ok(inner.to_owned()),
            Some(_) | None => line.problem("has a quoted scalar with a quote or a backslash in it"),
        };
    }
    if text.starts_with(['\'', '{', '|', '>', '!', '&', '%', '@', '`']) || text.contains(" #") {
        return line.problem(format!("has {text:?}, which is not read here; write it more simply"));
    }
    Ok(text.to_owned())
}

#[test]
fn what_is_used_is_read() {
    let read = parse(
        "# a comment\nbase: &base\n  a: 1\n  list: [x, \"y, z\", -w]\nuser:\n  <<: *base\n  a: two\n  jobs:\n    - \
         name: n\n      at: [\"b:1\"]\n    - plain:thing\nempty:\n",
    )
    .expect("it is plain");
    assert_eq!(read.text_at(&["base", "a"]), Some("1"));
    assert_eq!(read.text_at(&["user", "a"]), Some("two"), "an own key wins over a merged one");
    assert_eq!(read.texts_at(&["user", "list"]), ["x", "y, z", "-w"]);
    assert_eq!(read.at(&["empty"]), Some(&Yaml::Empty));
    let Some(Yaml::List(jobs)) = read.at(&["user", "jobs"]) else { panic!("{read:?}") };
    assert_eq!((jobs[0].text_at(&["name"]), jobs[0].texts_at(&["at"])), (Some("n"), vec!["b:1"]));
    assert_eq!(jobs[1].text_at(&[]), Some("plain:thing"));
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for (text, part) in [
        ("a: 1\na: 2", "second time"),
        ("a: *nobody", "no anchor"),
        ("a: [1,\n  2]", "does not end"),
        ("a: |\n  text", "more simply"),
        ("a: 1 # why", "more simply"),
        ("a: 1\n  b: 2", "indented"),
        ("just text", "neither"),
    ] {
        let problem = parse(text).expect_err(text).to_string();
        assert!(problem.contains(part), "{text:?}: {problem}");
    }
}
