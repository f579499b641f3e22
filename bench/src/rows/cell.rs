//! One value of a row, and how it is written in SQL.

use std::borrow::Cow;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// No value.
    Null,
    /// A number, a moment, a truth.
    Int(i64),
    /// Text.
    Text(Cow<'static, str>),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
}

impl Cell {
    /// Text that may be missing.
    pub(crate) fn maybe(text: Option<&str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.to_owned().into()))
    }

    /// Writes it as a MariaDB literal (<https://mariadb.com/kb/en/string-literals/>).
    pub(crate) fn write_literal(&self, out: &mut String) {
        use std::fmt::Write;
        match self {
            Self::Null => out.push_str("NULL"),
            Self::Int(number) => write!(out, "{number}").expect("a string takes everything"),
            Self::Text(text) => {
                out.push('\'');
                for part in text.split_inclusive(['\'', '\\']) {
                    let (plain, special) =
                        part.split_at(part.len() - usize::from(part.ends_with(['\'', '\\'])));
                    out.push_str(plain);
                    if !special.is_empty() {
                        out.push('\\');
                        out.push_str(special);
                    }
                }
                out.push('\'');
            }
            Self::Bytes(bytes) => {
                out.push_str("X'");
                for byte in bytes {
                    write!(out, "{byte:02x}").expect("a string takes everything");
                }
                out.push('\'');
            }
        }
    }
}

impl From<&'static str> for Cell {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).expect("counts and ids stay below 2^63"))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Int)
    }
}

#[cfg(test)]
mod tests {
    use super::Cell;

    #[test]
    fn literals_cannot_be_broken_out_of() {
        let text = |text: &'static str| Cell::from(text);
        for (cell, wanted) in [
            (Cell::Null, "NULL"),
            (Cell::Int(-7), "-7"),
            (text(""), "''"),
            (text("it's"), r"'it\'s'"),
            (text(r"a\"), r"'a\\'"),
            (text(r"\'"), r"'\\\''"),
            (text("naïve {\"a\":1}"), "'naïve {\"a\":1}'"),
            (Cell::Bytes(vec![0, 255]), "X'00ff'"),
        ] {
            let mut out = String::new();
            cell.write_literal(&mut out);
            assert_eq!(out, wanted, "{cell:?}");
        }
    }
}
