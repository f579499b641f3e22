//! Pages out of several databases.
//!
//! Owns positions: every database counts its own rows, so a row's position here is its own one times the number of
//! databases, plus its database's number. That keeps each database's order, is never given twice and does not move
//! while rows are added, so a page goes on exactly where the one before ended. Between databases it is no order in time.

/// A row's position among the rows of all databases.
pub(super) fn position(own: u64, database: usize, databases: usize) -> u64 {
    own * number(databases) + number(database)
}

/// The first of its own positions that is not below `before`.
pub(super) fn own_before(before: u64, database: usize, databases: usize) -> u64 {
    before.saturating_sub(number(database)).div_ceil(number(databases))
}

/// The highest positions of these pages, highest first.
pub(super) fn merge<T>(pages: Vec<Vec<(u64, T)>>, limit: u32) -> Vec<(u64, T)> {
    let databases = pages.len();
    let of_database = |(database, page): (usize, Vec<(u64, T)>)| {
        page.into_iter().map(move |(own, row)| (position(own, database, databases), row))
    };
    let mut rows: Vec<(u64, T)> = pages.into_iter().enumerate().flat_map(of_database).collect();
    rows.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    rows
}

fn number(count: usize) -> u64 {
    u64::try_from(count).expect("there are few databases")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of one database: its rows below a position, highest first.
    fn page(rows: u64, before: Option<u64>, limit: usize) -> Vec<(u64, u64)> {
        let below = before.unwrap_or(u64::MAX);
        (1..=rows).rev().filter(|own| *own < below).take(limit).map(|own| (own, own)).collect()
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        for sizes in [vec![7, 3], vec![0, 5], vec![4, 4, 4], vec![1, 0, 9]] {
            let mut seen = Vec::new();
            let mut before = None;
            loop {
                let pages = sizes.iter().enumerate().map(|(database, rows)| {
                    let own = before.map(|before| own_before(before, database, sizes.len()));
                    page(*rows, own, 2)
                });
                let merged = merge(pages.collect(), 2);
                let Some((last, _)) = merged.last() else { break };
                before = Some(*last);
                seen.extend(merged.into_iter().map(|(position, _)| position));
            }
            assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "{sizes:?}: {seen:?}");
            assert_eq!(u64::try_from(seen.len()).expect("few"), sizes.iter().sum::<u64>(), "{sizes:?}");
        }
    }
}
