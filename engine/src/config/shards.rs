//! Which databases share the payments.

use std::ops::RangeInclusive;

use toml::{Table, Value};

use super::secret::SecretUrl;
use super::setting::Setting;

/// Databases, each with the slots it keeps. Whether these cover all slots is a rule's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardUrls(Vec<ShardUrl>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardUrl {
    /// The slots it keeps.
    pub slots: RangeInclusive<u16>,
    /// Its address.
    pub url: SecretUrl,
}

impl ShardUrls {
    /// The databases in the order they were given.
    #[must_use]
    pub fn get(&self) -> &[ShardUrl] {
        &self.0
    }
}

impl ShardUrl {
    fn new(slots: &str, url: &str) -> Option<Self> {
        let (first, last) = slots.trim().split_once('-')?;
        let slots = first.trim().parse().ok()?..=last.trim().parse().ok()?;
        Some(Self { slots, url: SecretUrl::from_text(url)? })
    }

    fn from_table(table: &Table) -> Option<Self> {
        let text = |name| table.get(name).and_then(Value::as_str);
        let is_known = table.len() == 2;
        if is_known { Self::new(text("slots")?, text("url")?) } else { None }
    }

    fn to_table(&self) -> Option<Table> {
        let slots = format!("{}-{}", self.slots.start(), self.slots.end());
        Some(Table::from_iter([
            ("slots".to_owned(), Value::String(slots)),
            ("url".to_owned(), self.url.to_toml()?),
        ]))
    }
}

impl Setting for ShardUrls {
    const FORM: &'static str = "a list such as [{slots = \"0-511\", url = \"mysql://…\"}, {slots = \"512-1023\", \
                                url = \"mysql://…\"}], or a text such as \"0-511=mysql://… 512-1023=mysql://…\"";

    fn from_text(text: &str) -> Option<Self> {
        let shard = |part: &str| part.split_once('=').and_then(|(slots, url)| ShardUrl::new(slots, url));
        text.split_whitespace().map(shard).collect::<Option<_>>().map(Self)
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let Some(entries) = value.as_array() else {
            return value.as_str().and_then(Self::from_text);
        };
        let shard = |entry: &Value| entry.as_table().and_then(ShardUrl::from_table);
        entries.iter().map(shard).collect::<Option<_>>().map(Self)
    }

    fn to_toml(&self) -> Option<Value> {
        let tables = self.0.iter().map(|shard| shard.to_table().map(Value::Table));
        tables.collect::<Option<Vec<_>>>().map(Value::Array)
    }
}
