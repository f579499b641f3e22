//! One page of a list that is read from its newest end.
//!
//! Owns `limit` and `cursor` of the operator API's lists, and how the next page is found.

use serde::Serialize;

use crate::cursor;
use crate::fields::{Fields, Noted};
use crate::problem::Problem;
use crate::values::{self, parameter};

const DEFAULT: u32 = 50;
const MOST: u32 = 200;

/// The page that is asked for, before it is known which list.
pub(crate) struct Wish {
    limit: u32,
    cursor: Option<String>,
}

/// A page of one list.
pub(crate) struct Page<Q> {
    /// Entries at positions below this one.
    pub(crate) before: Option<u64>,
    limit: u32,
    list: Q,
}

/// Reads `limit` and `cursor`.
pub(crate) fn read(parameters: &mut Fields<String>) -> Result<Wish, Noted> {
    let limit = parameters.optional("limit", parameter(values::limit(MOST)));
    let cursor = parameters.optional("cursor", parameter(|text| Ok::<_, String>(text.to_owned())));
    Ok(Wish { limit: limit?.unwrap_or(DEFAULT), cursor: cursor? })
}

impl Wish {
    /// The page of `list`, which names the list and its filters: cursors of other lists are refused.
    pub(crate) fn of<Q: Serialize>(self, list: Q) -> Result<Page<Q>, Problem> {
        let position = |cursor: String| {
            cursor::decode(&cursor, &list).ok_or_else(|| Problem::field("cursor", cursor::INVALID))
        };
        let before = self.cursor.map(position).transpose()?;
        Ok(Page { before, limit: self.limit, list })
    }
}

impl<Q: Serialize> Page<Q> {
    /// How many entries to ask for: one more than is shown tells whether another page follows.
    pub(crate) fn asked(&self) -> u32 {
        self.limit + 1
    }

    /// The entries to show, and the cursor of the page behind them.
    pub(crate) fn cut<T>(&self, mut found: Vec<(u64, T)>) -> (Vec<T>, Option<String>) {
        let shown = usize::try_from(self.limit).expect("a page is small");
        let next = (found.len() > shown).then(|| cursor::encode(found[shown - 1].0, &self.list));
        found.truncate(shown);
        (found.into_iter().map(|(_, entry)| entry).collect(), next)
    }
}
