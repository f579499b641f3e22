//! Why there is no engine.

use metrics_exporter_prometheus::BuildError;
use payment_actors::ports::StoreError;
use payment_actors::supervision::RootFailure;
use payment_http::server::BindError;

use crate::api_keys::{KeysFileError, Unprotected};
use crate::gateway::GatewayError;
use crate::kafka::KafkaSetupError;
use crate::pg_simulator::StartError;
use crate::ports::NoEntropy;
use crate::redis::RedisSetupError;
use crate::sqlite::{LockError, OpenError};

/// The engine could not start, or ended by itself. Each message is one sentence with the cause and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory cannot be had.
    #[error(transparent)]
    DataDir(#[from] LockError),
    /// The database file cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The MariaDB cannot be used.
    #[error(transparent)]
    MariaDb(#[from] crate::mariadb::OpenError),
    /// Events have nowhere to go.
    #[error(
        "events need Kafka beside a MariaDB; give its addresses with --kafka HOST:PORT or broker.bootstrap"
    )]
    NoBroker,
    /// Kafka's client cannot be set up.
    #[error(transparent)]
    Kafka(#[from] KafkaSetupError),
    /// Redis' client cannot be set up.
    #[error(transparent)]
    Redis(#[from] RedisSetupError),
    /// The authorities for Redis cannot be read.
    #[error("the authorities of redis in {path} cannot be read: {cause}; check cache.authorities")]
    RedisAuthorities {
        /// The file.
        path: String,
        /// The operating system's words.
        cause: std::io::Error,
    },
    /// Nobody to ask for money.
    #[error(
        "there is no payment gateway: give its address with --pg-url URL, or --pg-listen ADDR for a simulator inside"
    )]
    NoGateway,
    /// A file of keys cannot be used.
    #[error(transparent)]
    KeysFile(#[from] KeysFileError),
    /// Nobody knows which keys there are.
    #[error("the api keys cannot be read: {0}; start again once the store answers")]
    Keys(#[source] StoreError),
    /// A listener would be open to other machines.
    #[error(transparent)]
    Unprotected(#[from] Unprotected),
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
