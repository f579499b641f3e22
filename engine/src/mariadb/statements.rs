//! Statement texts for any number of rows, of which there are few.
//!
//! Owns the sizes: powers of two, so that a batch of any size is a handful of statements and a connection prepares
//! each text once. A text for every batch size would overflow the statement cache; see
//! [`super::options::MariaDbOptions`] for what that costs.

use std::sync::{Arc, OnceLock};

use sqlx::mysql::{MySql, MySqlArguments};
use sqlx::{AssertSqlSafe, query::Query};

/// A statement with its values bound.
pub(super) type Statement = Query<'static, MySql, MySqlArguments>;

/// Most items in one statement.
pub(super) const MOST: usize = 128;

/// Powers of two up to [`MOST`].
const SIZES: usize = MOST.ilog2() as usize + 1;

/// A list within a statement.
pub(super) struct List {
    head: &'static str,
    item: &'static str,
    between: &'static str,
}

impl List {
    pub(super) const fn new(head: &'static str, item: &'static str, between: &'static str) -> Self {
        Self { head, item, between }
    }
}

/// A statement with lists in it, members of an `IN`.
pub(super) struct Repeated {
    lists: &'static [List],
    tail: &'static str,
    most: usize,
    texts: [OnceLock<Arc<str>>; SIZES],
}

impl Repeated {
    /// A statement of these lists, each with an item for every row; `most` is a power of two, [`MOST`] at the highest.
    pub(super) const fn new(lists: &'static [List], tail: &'static str, most: usize) -> Self {
        assert!(most.is_power_of_two() && most <= MOST, "there are texts for powers of two up to the most");
        Self { lists, tail, most, texts: [const { OnceLock::new() }; SIZES] }
    }

    /// The statement for so many rows.
    fn statement(&self, rows: usize) -> Statement {
        let place = rows.ilog2() as usize;
        let text = self.texts[place].get_or_init(|| {
            let list = |list: &List| [list.head, &vec![list.item; 1 << place].join(list.between)].concat();
            self.lists.iter().map(list).chain([self.tail.to_owned()]).collect::<String>().into()
        });
        // Put together from constants alone; values are bound.
        sqlx::query(AssertSqlSafe(Arc::clone(text)))
    }

    /// For lists in which an item may stand twice: pieces of the items, each with the statement for it. The last
    /// item is repeated until the size is one that there is a text for.
    pub(super) fn lists<'i, T>(
        &'static self,
        items: &'i [T],
    ) -> impl Iterator<Item = (Statement, impl Iterator<Item = &'i T>)> {
        items.chunks(self.most).map(move |piece| {
            let size = piece.len().next_power_of_two();
            let last = piece.last().expect("pieces are not empty");
            let padding = std::iter::repeat_n(last, size - piece.len());
            (self.statement(size), piece.iter().chain(padding))
        })
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Execute, SqlSafeStr};

    use super::*;

    static LIST: Repeated = Repeated::new(&[List::new("SELECT 1 WHERE x IN (", "?", ", ")], ")", 4);

    fn text(statement: Statement) -> String {
        statement.sql().into_sql_str().as_str().to_owned()
    }

    #[test]
    fn lists_are_filled_up_with_their_last_item() {
        let pieces: Vec<(String, Vec<i32>)> = LIST
            .lists(&[1, 2, 3, 4, 5, 6, 7])
            .map(|(statement, items)| (text(statement), items.copied().collect()))
            .collect();
        let whole = "SELECT 1 WHERE x IN (?, ?, ?, ?)".to_owned();
        assert_eq!(pieces, [(whole.clone(), vec![1, 2, 3, 4]), (whole, vec![5, 6, 7, 7])]);
        assert_eq!(LIST.lists::<i32>(&[]).count(), 0);
    }
}
