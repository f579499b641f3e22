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
const MOST: usize = 128;

/// Powers of two up to [`MOST`].
const SIZES: usize = MOST.ilog2() as usize + 1;

/// A statement with a list in it, such as the members of an `IN`.
pub(super) struct Repeated {
    head: &'static str,
    item: &'static str,
    between: &'static str,
    tail: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES],
}

impl Repeated {
    /// A statement of a head, an item for every row with something between them, and a tail.
    pub(super) const fn new(
        head: &'static str,
        item: &'static str,
        between: &'static str,
        tail: &'static str,
    ) -> Self {
        Self { head, item, between, tail, texts: [const { OnceLock::new() }; SIZES] }
    }

    /// The statement for so many rows.
    fn statement(&self, rows: usize) -> Statement {
        let place = rows.ilog2() as usize;
        let text = self.texts[place].get_or_init(|| {
            let items = vec![self.item; 1 << place].join(self.between);
            [self.head, &items, self.tail].concat().into()
        });
        // Put together from constants alone; values are bound.
        sqlx::query(AssertSqlSafe(Arc::clone(text)))
    }

    /// For a list in which an item may stand twice: pieces of the items, each with the statement for it. The last
    /// item is repeated until the size is one that there is a text for.
    pub(super) fn lists<'i, T>(
        &'static self,
        items: &'i [T],
    ) -> impl Iterator<Item = (Statement, impl Iterator<Item = &'i T>)> {
        items.chunks(MOST).map(move |piece| {
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

    static LIST: Repeated = Repeated::new("SELECT 1 WHERE x IN (", "?", ", ", ")");

    fn text(statement: Statement) -> String {
        statement.sql().into_sql_str().as_str().to_owned()
    }

    #[test]
    fn lists_are_filled_up_with_their_last_item() {
        let items: Vec<usize> = (1..=MOST + 3).collect();
        let pieces: Vec<(String, Vec<usize>)> = LIST
            .lists(&items)
            .map(|(statement, items)| (text(statement), items.copied().collect()))
            .collect();
        let [(whole, first), (part, rest)] = &pieces[..] else { panic!("more than fit into one statement") };
        assert_eq!(whole.matches('?').count(), MOST);
        assert_eq!(*first, items[..MOST]);
        assert_eq!(part, "SELECT 1 WHERE x IN (?, ?, ?, ?)");
        assert_eq!(*rest, [MOST + 1, MOST + 2, MOST + 3, MOST + 3]);
        assert_eq!(LIST.lists::<usize>(&[]).count(), 0);
    }
}
