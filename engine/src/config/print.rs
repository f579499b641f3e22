//! Prints the effective configuration as TOML, each value with where it came from, secrets masked.

use std::fmt::Write;

use toml::Value;

use super::section::Section;
use super::{Config, breakers};

/// The configuration as a file that gives the same values again (masked ones excepted).
#[must_use]
pub fn effective(config: &Config) -> String {
    let mut page = Page { config, text: String::new() };
    page.section("engine", &config.engine);
    page.section("http", &config.http);
    page.section("operator", &config.operator);
    page.section("store", &config.store);
    page.section("broker", &config.broker);
    page.section("cache", &config.cache);
    page.section("pg", &config.pg);
    page.section("retry", &config.retry);
    page.section("payments", &config.payments);
    page.section("limits", &config.limits);
    for (name, breaker) in config.breakers.iter() {
        page.section(&breakers::section(name), breaker);
    }
    page.section("supervision", &config.supervision);
    page.section("outbox", &config.outbox);
    page.section("idempotency", &config.idempotency);
    page.section("telemetry", &config.telemetry);
    page.section("simulator", &config.simulator);
    page.text
}

struct Page<'a> {
    config: &'a Config,
    text: String,
}

impl Page<'_> {
    fn section<S: Section>(&mut self, name: &str, section: &S) {
        self.line(&format!("[{name}]"));
        for (key, value) in section.values() {
            self.key(name, key, value.as_ref());
        }
        self.line("");
    }

    fn key(&mut self, section: &str, key: &str, value: Option<&Value>) {
        let origin = self.config.origin(&format!("{section}.{key}"));
        match value {
            Some(value) => self.line(&format!("{key} = {value} # {origin}")),
            None => self.line(&format!("# {key} is not set")),
        }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").expect("writing to a string cannot fail");
    }
}
