//! The command line of `fill`.

use clap::Args;

use crate::rows::Course;
use crate::store::Store;

/// Shown below the options.
pub(crate) const EXAMPLES: &str = "Examples:
  payment-bench fill --store-url mysql://pay:secret@127.0.0.1:13306/paydb --payments 10000000
  payment-bench fill --store-url sqlite:payment-data/payment.db --payments 100000 --course refunded --events

The tables must be there (payment-engine migrate), and no engine may run on them: secondary indexes are dropped and
built again at the end. A SQLite file that was being filled when the program was cut short is of no use.";

/// Options of `fill`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FillOptions {
    /// The store: `mysql://user:password@host:port/database` (`?socket=PATH` for a unix socket) or `sqlite:PATH`.
    #[arg(long, value_name = "URL", value_parser = Store::parse)]
    pub(crate) store_url: Store,
    /// How many payments.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=4_000_000_000))]
    pub(crate) payments: u64,
    /// How payments end, in turn.
    #[arg(long, value_enum, value_delimiter = ',',
        default_values_t = [Course::Captured, Course::Captured, Course::Captured, Course::Refunded, Course::Declined])]
    pub(crate) course: Vec<Course>,
    /// Leave the published events too: in the outbox as before it is pruned, and in the embedded event log.
    #[arg(long)]
    pub(crate) events: bool,
    /// How many merchants the payments are spread over.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) merchants: u32,
    /// Connections that write at a time; a SQLite file has one.
    #[arg(long, default_value_t = 2)]
    pub(crate) connections: usize,
    /// Memory for the pages of a SQLite file, MiB.
    #[arg(long, default_value_t = 2_048)]
    pub(crate) cache_mib: u32,
}
