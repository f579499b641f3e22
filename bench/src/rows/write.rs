//! Statements that write rows.
//!
//! Owns their texts in both dialects.

use super::cell::Cell;
use super::table::{Dialect, Row, Table};

/// What is done with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// New rows.
    Insert(Table),
    /// Payments that are there move on: what never changes of them is left alone.
    MovePayment,
}

/// The columns of a payment that a step may change.
const MOVING: [&str; 9] = [
    "status",
    "version",
    "captured_amount",
    "refunded_amount",
    "last_event_seq",
    "open_operations",
    "due_at",
    "due_kind",
    "updated_at",
];

impl Write {
    fn table(self) -> Table {
        match self {
            Self::Insert(table) => table,
            Self::MovePayment => Table::Payment,
        }
    }

    fn head(self, dialect: Dialect) -> String {
        let table = self.table();
        format!("INSERT INTO {} ({}) VALUES ", table.name(), table.columns(dialect))
    }

    /// What follows the rows.
    fn tail(self, dialect: Dialect) -> String {
        let columns: Vec<&str> = match self {
            Self::Insert(_) => return String::new(),
            Self::MovePayment => {
                let more: &[&str] = match dialect {
                    Dialect::MariaDb => &["document", "open_touched_at", "authorization_progress"],
                    Dialect::Sqlite => &["document"],
                };
                MOVING.iter().chain(more).copied().collect()
            }
        };
        let set = |column: &&str| match dialect {
            Dialect::MariaDb => format!("{column} = VALUES({column})"),
            Dialect::Sqlite => format!("{column} = excluded.{column}"),
        };
        let set: Vec<String> = columns.iter().map(set).collect();
        match (dialect, self) {
            (Dialect::MariaDb, _) => format!(" ON DUPLICATE KEY UPDATE {}", set.join(", ")),
            (Dialect::Sqlite, _) => {
                format!(" ON CONFLICT (payment_id) DO UPDATE SET {}", set.join(", "))
            }
        }
    }

    /// A statement for so many rows with a place for every value.
    pub(crate) fn with_places(self, dialect: Dialect, rows: usize) -> String {
        let width = self.table().columns(dialect).split(',').count();
        let row = format!("({})", vec!["?"; width].join(", "));
        [self.head(dialect), vec![row; rows].join(", "), self.tail(dialect)].concat()
    }

    /// Writes a whole statement with its values (MariaDB's literals).
    pub(crate) fn with_values(self, rows: &[Row], out: &mut String) {
        out.push_str(&self.head(Dialect::MariaDb));
        for (number, row) in rows.iter().enumerate() {
            out.push_str(if number == 0 { "(" } else { ", (" });
            write_values(row, out);
            out.push(')');
        }
        out.push_str(&self.tail(Dialect::MariaDb));
    }
}

fn write_values(row: &[Cell], out: &mut String) {
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        cell.write_literal(out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::cell::Cell;
    use super::super::table::{Dialect, Table};
    use super::Write;

    #[test]
    fn statements_have_a_place_for_every_value() {
        let text = Write::Insert(Table::Ledger).with_places(Dialect::Sqlite, 2);
        assert!(text.starts_with("INSERT INTO ledger_entry (transaction_id, "), "{text}");
        assert_eq!(text.matches('?').count(), 18);
        let text = Write::MovePayment.with_places(Dialect::MariaDb, 1);
        assert!(text.ends_with("authorization_progress = VALUES(authorization_progress)"), "{text}");
        assert!(!text.contains("merchant_id = "), "{text}");
    }

    #[test]
    fn statements_can_hold_their_values() {
        let mut out = String::new();
        let row = |id| vec![Cell::Int(id), Cell::Null, "it's".into()];
        Write::Insert(Table::Outbox).with_values(&[row(1), row(2)], &mut out);
        assert!(out.ends_with(r" VALUES (1, NULL, 'it\'s'), (2, NULL, 'it\'s')"), "{out}");
    }
}
