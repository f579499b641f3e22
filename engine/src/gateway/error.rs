//! Why there is no gateway to speak with.

/// The gateway's address or client cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// TLS is asked for.
    #[error(
        "the payment gateway's address begins with https, and this build speaks plain http only; use http:// to a proxy that adds TLS"
    )]
    NoTls,
    /// Another protocol is asked for.
    #[error("the payment gateway's address begins with {0:?}; it must begin with http://")]
    Scheme(String),
    /// The address names no host.
    #[error("the payment gateway's address names no host; it must look like http://host:port")]
    NoHost,
    /// The HTTP client could not be set up.
    #[error("the client for the payment gateway cannot be set up: {0}")]
    Client(String),
}
