//! What the program tells about itself: log lines and metrics.
//!
//! Owns their form and their names. What is measured and said, and when, is everybody else's.
//!
//! | file | what it holds |
//! |---|---|
//! | `log` | where log lines go and how they look |
//! | `catalogue` | every metric: name, kind, labels, meaning |
//! | `series` | one metric with its labelled series |
//! | `metrics` | the actors' and the face's measurements, turned into series; the page |
//! | `lifecycle` | operations counted by how they end |
//! | `process` | what the operating system knows about the process |

pub mod catalogue;
mod lifecycle;
mod log;
mod metrics;
mod process;
mod series;

pub use log::{LogError, start as start_log};
pub use metrics::Metrics;
