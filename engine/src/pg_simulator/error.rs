//! What can go wrong: at start, told to whoever starts the simulator, and per request, told to the client.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

/// The simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process or another part of this one listens there.
    #[error(
        "cannot listen for the pg simulator on {address}: {source}; choose another address with --pg-listen (--listen for pg-simulator), or port 0 for a free one"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another simulator keeps its record there.
    #[error("the pg simulator's data directory {} is in use by another simulator; stop that one or choose another directory with --data-dir", directory.display())]
    DirectoryInUse {
        /// The directory asked for.
        directory: PathBuf,
    },
    /// The directory or a file in it cannot be created, read or written.
    #[error("cannot use {} for the pg simulator's record: {source}; check that the directory exists and is writable, or choose another with --data-dir", path.display())]
    Storage {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line before the last one is not a record entry, so the file was changed or damaged from outside.
    #[error("the pg simulator's record {} is damaged at line {line}: {reason}; restore the file or move it away to start an empty record", path.display())]
    DamagedRecord {
        /// The record file.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong with the line.
        reason: String,
    },
    /// The HTTP server's workers did not come up.
    #[error("cannot start the pg simulator's server: {source}")]
    Server {
        /// What the server said.
        source: io::Error,
    },
}

/// A request that got no answer about an operation.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error("{0}")]
    Invalid(String),
    #[error(
        "the header Idempotency-Key is missing; send {{paymentId}}:{{operation}}:{{operationNo}}:{{attempt}}"
    )]
    KeyMissing,
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("no operation with the key {key} was ever seen")]
    NeverSeen { key: String },
    #[error("there is nothing at {path}")]
    NoSuchPath { path: String },
    #[error("{method} is not allowed at {path}")]
    MethodNotAllowed { method: String, path: String },
    #[error("internal error, scripted")]
    ScriptedError,
    #[error("the gateway is stopping")]
    Stopping,
    #[error("the record cannot be read or written: {0}")]
    Storage(String),
}

impl RequestError {
    const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "VALIDATION_FAILED",
            Self::KeyMissing => "IDEMPOTENCY_KEY_MISSING",
            Self::BodyTooLarge { .. } => "BODY_TOO_LARGE",
            Self::NeverSeen { .. } | Self::NoSuchPath { .. } => "NOT_FOUND",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::ScriptedError => "INTERNAL_ERROR",
            Self::Stopping => "STOPPING",
            Self::Storage(_) => "RECORD_UNAVAILABLE",
        }
    }
}

impl ResponseError for RequestError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::KeyMissing => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NeverSeen { .. } | Self::NoSuchPath { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::ScriptedError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Stopping | Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        #[derive(Serialize)]
        struct Body {
            code: &'static str,
            message: String,
        }
        HttpResponse::build(self.status_code()).json(Body { code: self.code(), message: self.to_string() })
    }
}
