//! Why there is no engine.

use metrics_exporter_prometheus::BuildError;
use payment_actors::supervision::RootFailure;
use payment_http::server::BindError;

use crate::gateway::GatewayError;
use crate::pg_simulator::StartError;
use crate::ports::NoEntropy;
use crate::sqlite::{LockError, OpenError};

/// The engine could not start, or ended by itself. Each message is one sentence with the cause and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory cannot be had.
    #[error(transparent)]
    DataDir(#[from] LockError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// The PG simulator cannot start.
    #[error(transparent)]
    Simulator(#[from] StartError),
    /// The payment gateway cannot be spoken with.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] NoEntropy),
    /// Metrics cannot be set up.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] BuildError),
    /// Signals cannot be heard.
    #[error("signals cannot be heard: {0}")]
    Signals(#[source] std::io::Error),
    /// A listener's threads do not start.
    #[error("a listener cannot be served: {0}")]
    Server(#[source] std::io::Error),
    /// The ready file cannot be written.
    #[error("the ready file {path} cannot be written: {cause}; choose another with --ready-file")]
    ReadyFile {
        /// The file.
        path: String,
        /// The operating system's words.
        cause: std::io::Error,
    },
    /// The supervision tree gave up.
    #[error("the engine gave up: {0}; what it had accepted is kept, and is taken up at the next start")]
    GaveUp(#[from] RootFailure),
}
