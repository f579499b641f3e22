//! The command line of `floor`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::lasting;
use crate::store::Store;

/// Shown below the options.
pub(crate) const EXAMPLES: &str = "Examples:
  payment-bench floor --store-url mysql://root@127.0.0.1:13306/ --json floor.json
  payment-bench floor --store-url 'mysql://root@localhost/?socket=/run/mysqld/mysqld.sock' --connections 2,4
  payment-bench floor --store-url sqlite:payment-data/payment.db

Creates a database, or a file beside the one named, and removes it at the end; never touches what is there.";

/// Options of `floor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct FloorOptions {
    /// The store: `mysql://user:password@host:port/` (`?socket=PATH` for a unix socket) or `sqlite:PATH`.
    #[arg(long, value_name = "URL", value_parser = Store::parse)]
    pub(crate) store_url: Store,
    /// Authorizations in a transaction to try.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 25, 50, 100, 200, 400, 800])]
    pub(crate) batches: Vec<usize>,
    /// Numbers of connections to try; a SQLite file has one that writes.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8])]
    pub(crate) connections: Vec<usize>,
    /// Most authorizations written for one figure; their rows are made before the clock starts.
    #[arg(long, default_value_t = 40_000)]
    pub(crate) authorizations: usize,
    /// How long one figure may take.
    #[arg(long, default_value = "5s", value_parser = lasting)]
    pub(crate) longest: Duration,
    /// What is measured, for the result.
    #[arg(long, default_value = "")]
    pub(crate) label: String,
    /// A version or setting that belongs to the result; may be repeated.
    #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = crate::machine::fact)]
    pub(crate) facts: Vec<(String, String)>,
    /// Where the result is written as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}
