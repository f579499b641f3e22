//! Values that are words: roles and log formats.
//!
//! Owns their spelling. What a role starts is the wiring's.

use std::collections::BTreeSet;

use toml::Value;

use super::setting::{Setting, words};

words! {
    /// One thing a process can do.
    Role, "api, settlement, refund, outbox, ledger or recovery" {
        /// The payments API, the payments and their journal.
        Api = "api",
        /// Captures.
        Settlement = "settlement",
        /// Refunds and voids.
        Refund = "refund",
        /// Publication of events.
        Outbox = "outbox",
        /// Double entries.
        Ledger = "ledger",
        /// What a crash left behind.
        Recovery = "recovery",
    }
}

words! {
    /// How log lines look.
    LogFormat, "auto, text or json" {
        /// Text on a terminal, JSON elsewhere.
        Auto = "auto",
        /// Text, for people.
        Text = "text",
        /// JSON, for machines.
        Json = "json",
    }
}

/// What a process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// Whether the process does everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.len() == Role::ALL.len()
    }

    /// Whether the process does this.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    fn collect<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut roles = BTreeSet::new();
        names.try_for_each(|name| {
            if name == "all" {
                roles.extend(Role::ALL);
            } else {
                roles.insert(Role::from_text(name)?);
            }
            Some(())
        })?;
        (!roles.is_empty()).then_some(Self(roles))
    }
}

impl Setting for Roles {
    const FORM: &'static str = "all, or some of api, settlement, refund, outbox, ledger and recovery";

    fn from_text(text: &str) -> Option<Self> {
        Self::collect(text.split(',').map(str::trim))
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let Some(names) = value.as_array() else {
            return value.as_str().and_then(Self::from_text);
        };
        let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
        Self::collect(names?.into_iter())
    }

    fn to_toml(&self) -> Option<Value> {
        if self.is_all() {
            return Some(Value::String("all".to_owned()));
        }
        Some(Value::Array(self.0.iter().map(|role| Value::String(role.as_str().to_owned())).collect()))
    }
}
