//! Tables full of payments that have ended, as an engine would have left them: to see what does not slow down.
//!
//! Owns the order of things: ids are reserved as engines reserve them, rows are written without secondary indexes,
//! and the indexes are built again at the end. No engine may run on the store meanwhile.

mod chunk;
mod mariadb;
mod sqlite;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use payment_schema::time::Timestamp;

use crate::cli::fill::FillOptions;
use crate::failure::Failure;
use crate::rows::{Dialect, Lives};
use crate::store::Store;
use crate::{run, terminal};
use chunk::Plan;

/// Payments written in one transaction.
const CHUNK: u64 = 1_000;

/// Over how long the payments are spread, up to now.
const SPREAD: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Fills the store.
///
/// # Errors
/// When the store cannot be used, or is not as an engine has made it.
pub(crate) fn run(options: &FillOptions) -> Result<(), Failure> {
    let begun = Instant::now();
    match &options.store_url {
        Store::MariaDb { server, database } => {
            let server = server.as_ref().clone().database(database);
            mariadb::fill(&server, options)?;
        }
        Store::Sqlite(path) => sqlite::fill(path, options)?,
    }
    let seconds = begun.elapsed().as_secs_f64();
    terminal::say(&format!("{} payments in {seconds:.0} s", options.payments));
    Ok(())
}

/// What is written under these sequence numbers.
fn plan(options: &FillOptions, dialect: Dialect, sequences: &Range<u64>) -> Plan {
    let at = SystemTime::now();
    let now = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let apart = SPREAD.checked_div(u32::try_from(options.payments).unwrap_or(u32::MAX)).unwrap_or_default();
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    Plan {
        lives: Lives::new(options.merchants, &run::name(at)),
        courses: options.course.clone(),
        dialect,
        with_events: options.events,
        first: sequences.start,
        begun: Timestamp::from_micros(micros(now.saturating_sub(SPREAD))),
        apart,
    }
}

/// Chunks of sequence numbers, each handed out once.
struct Chunks {
    next: AtomicU64,
    end: u64,
}

impl Chunks {
    fn new(sequences: &Range<u64>) -> Self {
        Self { next: AtomicU64::new(sequences.start), end: sequences.end }
    }

    fn take(&self) -> Option<Range<u64>> {
        let start = self.next.fetch_add(CHUNK, Ordering::Relaxed);
        (start < self.end).then(|| start..self.end.min(start + CHUNK))
    }
}

/// Says how far it is, once in a while.
struct Counter {
    begun: Instant,
    written: AtomicU64,
    all: u64,
}

impl Counter {
    fn new(all: u64) -> Self {
        Self { begun: Instant::now(), written: AtomicU64::new(0), all }
    }

    fn add(&self, payments: u64) {
        let before = self.written.fetch_add(payments, Ordering::Relaxed);
        let written = before + payments;
        let step = (self.all / 20).max(CHUNK);
        if before / step < written / step {
            let seconds = self.begun.elapsed().as_secs();
            terminal::note(&format!("{written} of {} payments after {seconds} s", self.all));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;

    #[test]
    fn chunks_cover_every_number_once() {
        let chunks = Chunks::new(&(5..2_105));
        let taken: Vec<_> = std::iter::from_fn(|| chunks.take()).collect();
        assert_eq!(taken, [5..1_005, 1_005..2_005, 2_005..2_105]);
    }
}
