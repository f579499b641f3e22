//! Where a store is, as a URL says it.

use std::path::PathBuf;

use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::failure::Failure;

/// The database when the URL names none, as in the engine.
const DEFAULT_DATABASE: &str = "paydb";

/// Statements that a connection keeps prepared: more than there are texts. Closing one over TCP would stall the
/// connection for 40 ms (Nagle's algorithm against delayed acknowledgements).
const PREPARED_STATEMENTS: usize = 1_000;

/// A store.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    /// A server and a database in it.
    MariaDb {
        /// How to connect, without a database.
        server: Box<MySqlConnectOptions>,
        /// The database.
        database: String,
    },
    /// A file.
    Sqlite(PathBuf),
}

impl Store {
    /// Reads `mysql://user:password@host:port/database[?socket=PATH]` or `sqlite:PATH`.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err("sqlite: needs the path of a file".to_owned());
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if !url.starts_with("mysql://") && !url.starts_with("mariadb://") {
            return Err("expected mysql://user:password@host:port/database or sqlite:PATH".to_owned());
        }
        let server: MySqlConnectOptions = url.parse().map_err(|error: sqlx::Error| error.to_string())?;
        let database = server.get_database().unwrap_or(DEFAULT_DATABASE).to_owned();
        let is_here = matches!(server.get_host(), "localhost" | "127.0.0.1" | "[::1]" | "::1");
        let server = if url.contains("ssl-mode=") || !(is_here || server.get_socket().is_some()) {
            server
        } else {
            server.ssl_mode(MySqlSslMode::Disabled)
        };
        let server = server
            .collation("utf8mb4_nopad_bin")
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .statement_cache_capacity(PREPARED_STATEMENTS)
            .disable_statement_logging();
        Ok(Self::MariaDb { server: Box::new(server), database })
    }
}

/// A runtime for the connections of one thread.
///
/// # Errors
/// When the system has no means to wait for sockets.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::because("no runtime for connections"))
}

#[cfg(test)]
mod tests {
    use super::Store;

    #[test]
    fn urls_name_a_server_or_a_file() {
        for (url, wanted) in [
            ("mysql://pay:x@127.0.0.1:13306/p", "p"),
            ("mariadb://root@localhost?socket=/run/db.sock", "paydb"),
            ("sqlite:data/payment.db", "data/payment.db"),
            ("sqlite://data/payment.db", "data/payment.db"),
        ] {
            let found = match Store::parse(url).expect(url) {
                Store::MariaDb { database, .. } => database,
                Store::Sqlite(path) => path.display().to_string(),
            };
            assert_eq!(found, wanted, "{url}");
        }
        for url in ["postgres://x", "sqlite:", "payment.db"] {
            assert!(Store::parse(url).is_err(), "{url}");
        }
    }
}
