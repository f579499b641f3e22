//! The command lines of `report` and `pairs`.

use std::path::PathBuf;

use clap::Args;

/// Shown below the options.
pub(crate) const EXAMPLES: &str = "Examples:
  payment-bench report bench/results/*.json
  payment-bench report --title 'Release 0.1' --html report.html --markdown report.md floor.json load.json";

/// Options of `report`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportOptions {
    /// Results of `load` and `floor`.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) results: Vec<PathBuf>,
    /// What the page is called.
    #[arg(long, default_value = "Measurements")]
    pub(crate) title: String,
    /// Where the page is written as HTML, with pictures.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Where it is written as Markdown; without both it goes to standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

/// Options of `pairs`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PairsOptions {
    /// Results of loads on the engine as it was, in the order of the rounds.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) before: Vec<PathBuf>,
    /// Results of loads on the engine as it is, in the same order.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) after: Vec<PathBuf>,
}
