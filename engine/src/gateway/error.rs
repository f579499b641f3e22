//! Why there is no gateway to speak with.

/// The gateway's address or client cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The authorities to trust cannot be read.
    #[error("the authorities of the payment gateway in {path} cannot be used: {cause}; check pg.authorities")]
    Authorities {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Another protocol is asked for.
    #[error("the payment gateway's address begins with {0:?}; it must begin with http:// or https://")]
    Scheme(String),
    /// The address names no host.
    #[error("the payment gateway's address names no host; it must look like http://host:port")]
    NoHost,
    /// The HTTP client could not be set up.
    #[error("the client for the payment gateway cannot be set up: {0}")]
    Client(String),
}
