//! Several statements as one text, values written into it, for one round trip.
//!
//! Owns how values become literals, so that no value is ever read as a part of a statement: texts are quoted with
//! quotes and backslashes doubled (the session's `sql_mode` keeps backslashes as escapes and its character set is
//! UTF-8, in which no other character holds the byte of either), everything else is digits. A batch of the journal
//! costs the server and this program less as one text than as prepared statements: those would be a round trip for
//! every table and size. Literals: <https://mariadb.com/kb/en/string-literals/>.

use std::fmt::Write;

use sqlx::{AssertSqlSafe, SqlSafeStr};

/// Statements put together.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    /// What stands before the next row or value.
    before: &'static str,
}

impl Script {
    /// One with room for so many bytes, where they are many: growing to that would move them again and again.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), before: "" }
    }

    /// Statements of this program's own, as they stand.
    pub(super) fn push(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// Whether nothing was put in.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// An insert of rows; nothing when there are none.
    pub(super) fn insert<T>(
        &mut self,
        head: &'static str,
        rows: impl IntoIterator<Item = T>,
        tail: &'static str,
        row: impl Fn(&mut Self, T),
    ) {
        let mut is_first = true;
        for values in rows {
            self.text.push_str(if is_first { head } else { ", " });
            is_first = false;
            self.text.push('(');
            self.before = "";
            row(self, values);
            self.text.push(')');
        }
        if !is_first {
            self.text.push_str(tail);
            self.text.push_str("; ");
        }
    }

    /// Numbers in brackets, of which there is one at least.
    pub(super) fn numbers(&mut self, numbers: impl IntoIterator<Item = i64>) {
        self.text.push('(');
        self.before = "";
        for number in numbers {
            self.number(number);
        }
        self.text.push(')');
    }

    /// A number, the next value of a row.
    pub(super) fn number(&mut self, number: impl Into<i64>) -> &mut Self {
        self.separate();
        write!(self.text, "{}", number.into()).expect("a string takes everything");
        self
    }

    /// A number or NULL.
    pub(super) fn number_if_any(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    /// A text, the next value of a row.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.separate();
        self.quote(text);
        self
    }

    /// A text or NULL.
    pub(super) fn text_if_any(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// The text of a value that is made of letters, digits, dashes and colons alone.
    pub(super) fn shown(&mut self, value: &impl std::fmt::Display) -> &mut Self {
        self.text(&value.to_string())
    }

    /// Bytes, the next value of a row.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.separate();
        self.hexadecimal(bytes);
        self
    }

    /// Bytes that usually are a text, the next value of a row.
    pub(super) fn text_or_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => self.bytes(bytes),
        }
    }

    /// Values come one by one, without a row around them.
    pub(super) fn apart(&mut self) -> &mut Self {
        self.before = "";
        self
    }

    fn null(&mut self) -> &mut Self {
        self.separate();
        self.text.push_str("NULL");
        self
    }

    fn separate(&mut self) {
        self.text.push_str(self.before);
        self.before = ",";
    }

    fn quote(&mut self, text: &str) {
        self.text.push('\'');
        let mut rest = text;
        while let Some(place) = rest.find(['\'', '\\', '\0']) {
            let (plain, special) = rest.split_at(place);
            self.text.push_str(plain);
            let (escaped, length) = match special.as_bytes()[0] {
                b'\'' => ("''", 1),
                b'\\' => ("\\\\", 1),
                _ => ("\\0", 1),
            };
            self.text.push_str(escaped);
            rest = &special[length..];
        }
        self.text.push_str(rest);
        self.text.push('\'');
    }

    fn hexadecimal(&mut self, bytes: &[u8]) {
        self.text.push_str("x'");
        let digit = |half: u8| char::from_digit(half.into(), 16).expect("half a byte is a digit");
        self.text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        self.text.push('\'');
    }

    /// The statements, for the server. Nothing but constants and literals was put in.
    pub(super) fn into_sql(self) -> impl SqlSafeStr {
        AssertSqlSafe(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> String {
        let mut script = Script::default();
        script.text(text);
        script.text
    }

    #[test]
    fn no_text_ends_its_own_literal() {
        let cases = [
            ("", "''"),
            ("plain", "'plain'"),
            ("O'Brien", "'O''Brien'"),
            ("'; DROP TABLE payment; --", "'''; DROP TABLE payment; --'"),
            ("back\\", "'back\\\\'"),
            ("\\'", "'\\\\'''"),
            ("a\0b", "'a\\0b'"),
            ("{\"name\":\"caf\u{e9} \\u0027\"}", "'{\"name\":\"caf\u{e9} \\\\u0027\"}'"),
            ("\u{ff07}\u{5c}\u{2019}", "'\u{ff07}\\\\\u{2019}'"),
        ];
        for (text, expected) in cases {
            assert_eq!(literal(text), expected);
        }
    }

    #[test]
    fn rows_and_values_are_separated() {
        let mut script = Script::default();
        script.push("BEGIN; ");
        script.insert("INSERT INTO t VALUES ", [1_i64, 2], " TAIL", |script, number| {
            script.number(number).text("x").number_if_any(None).bytes(&[0, 255]).text_if_any(None);
        });
        script.insert("INSERT INTO u VALUES ", [0_i64; 0], "", |script, number| {
            script.number(number);
        });
        assert_eq!(
            script.text,
            "BEGIN; INSERT INTO t VALUES (1,'x',NULL,x'00ff',NULL), (2,'x',NULL,x'00ff',NULL) TAIL; "
        );
    }
}
