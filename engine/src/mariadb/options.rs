//! Where the database is and how it is reached.
//!
//! Owns the reading of a store's URL. A connection that leaves this machine is encrypted and the server's
//! certificate checked, unless the URL says in so many words that it shall not be. Never connects.

use std::path::Path;

use reqwest::Url;
use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};

use super::open::OpenError;
use crate::sqlite::Upgrade;

/// The database when the URL names none.
const DEFAULT_DATABASE: &str = "paydb";

/// Connections of each of the two pools, unless told otherwise.
const DEFAULT_CONNECTIONS: u32 = 8;

/// Statements that a connection keeps prepared: more than there are texts, because closing one stalls a TCP
/// connection for 40 ms (Nagle's algorithm against delayed acknowledgements, and sqlx leaves the former on).
const PREPARED_STATEMENTS: usize = 1_000;

/// What may be done with the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everything; the schema is brought up to date or not.
    Write(Upgrade),
    /// Every write is refused, by the server too.
    Read,
}

/// How much of its neighbours' work a transaction sees
/// (<https://mariadb.com/kb/en/set-transaction/#isolation-levels>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what is committed when it begins. What the store is made for.
    #[default]
    ReadCommitted,
    /// All statements see what was committed when the first began. Correct too, but slower: transactions are tried
    /// again when a row changed under their snapshot (error 1020).
    RepeatableRead,
}

/// How to reach a database and what to do with it.
#[derive(Clone)]
pub struct MariaDbOptions {
    pub(super) server: MySqlConnectOptions,
    pub(super) database: String,
    pub(super) access: Access,
    pub(super) isolation: Isolation,
    pub(super) connections: u32,
}

impl MariaDbOptions {
    /// Reads `mysql://user:password@host:port/database` (or `mariadb://…`); user `root`, port 3306 and database
    /// `paydb` unless it says otherwise. Parameters:
    ///
    /// - `socket=PATH`: over a unix socket instead of TCP;
    /// - `ssl-mode`: `verify-identity` (certificate and host name are checked), `verify-ca` (the certificate alone) or
    ///   `disabled` (plain); the first for other machines, the last for this one unless given;
    /// - `ssl-ca=FILE`: trust this authority besides the system's;
    /// - `ssl-cert=FILE`, `ssl-key=FILE`: the client's own certificate.
    ///
    /// # Errors
    /// When the URL cannot be understood, or asks for encryption without a check of the certificate.
    pub fn from_url(url: &Url) -> Result<Self, OpenError> {
        if !matches!(url.scheme(), "mysql" | "mariadb") {
            let why = format!("{}:// is not the address of a MariaDB; use mysql://", url.scheme());
            return Err(OpenError::Url(why));
        }
        let mut plain = url.clone();
        plain.set_query(None);
        let server =
            MySqlConnectOptions::from_url(&plain).map_err(|error| OpenError::Url(error.to_string()))?;
        let host = server.get_host().trim_matches(['[', ']']).to_owned();
        let database = server.get_database().unwrap_or(DEFAULT_DATABASE).to_owned();
        let server = parameters(url, server.host(&host))?
            .collation("utf8mb4_nopad_bin")
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .statement_cache_capacity(PREPARED_STATEMENTS)
            .disable_statement_logging();
        Ok(Self {
            server,
            database,
            access: Access::Write(Upgrade::Automatic),
            isolation: Isolation::default(),
            connections: DEFAULT_CONNECTIONS,
        })
    }

    /// What to do with a database of an older schema; it is migrated unless told otherwise.
    #[must_use]
    pub fn upgrade(mut self, upgrade: Upgrade) -> Self {
        self.access = Access::Write(upgrade);
        self
    }

    /// For reading alone, beside running engines or without one.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.access = Access::Read;
        self
    }

    /// Most connections at a time for writing, and as many again for reading; at least one, 8 unless told otherwise.
    #[must_use]
    pub fn connections(mut self, most: u32) -> Self {
        self.connections = most.max(1);
        self
    }

    /// Transactions see their neighbours' work like this.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// Connects for reading the tables as they are, beside running engines or without one: the schema is this
    /// program's, the session cannot write, and statements may take as long as they take.
    ///
    /// # Errors
    /// When the database cannot be read; the error says what to do.
    pub(crate) async fn connect_for_reading(&self) -> Result<MySqlConnection, OpenError> {
        super::open::raw_connection(self).await
    }

    /// The database as errors name it: without password.
    pub(crate) fn target(&self) -> String {
        let (user, database) = (self.server.get_username(), &self.database);
        match self.server.get_socket() {
            Some(socket) => format!("{database} at {} (user {user})", socket.display()),
            None => {
                format!("{database} at {}:{} (user {user})", self.server.get_host(), self.server.get_port())
            }
        }
    }
}

fn parameters(url: &Url, mut server: MySqlConnectOptions) -> Result<MySqlConnectOptions, OpenError> {
    let mut ssl_mode = None;
    for (name, value) in url.query_pairs() {
        server = match &*name {
            "socket" => server.socket(&*value),
            "ssl-ca" => server.ssl_ca(file(&name, &value)?),
            "ssl-cert" => server.ssl_client_cert(file(&name, &value)?),
            "ssl-key" => server.ssl_client_key(file(&name, &value)?),
            "ssl-mode" => {
                ssl_mode = Some(read_ssl_mode(&value)?);
                server
            }
            _ => {
                let known = "socket, ssl-mode, ssl-ca, ssl-cert and ssl-key";
                return Err(OpenError::Url(format!("parameter {name} is not known; there are {known}")));
            }
        };
    }
    let mode = ssl_mode.unwrap_or(if is_here(&server) {
        MySqlSslMode::Disabled
    } else {
        MySqlSslMode::VerifyIdentity
    });
    Ok(server.ssl_mode(mode))
}

/// Looked for now: each new connection reads it, and would take its absence for the server's.
fn file<'p>(name: &str, path: &'p str) -> Result<&'p Path, OpenError> {
    let path = Path::new(path);
    if path.is_file() {
        Ok(path)
    } else {
        Err(OpenError::Url(format!("{name}={} is not a file", path.display())))
    }
}

fn read_ssl_mode(name: &str) -> Result<MySqlSslMode, OpenError> {
    match name.to_ascii_lowercase().replace('_', "-").as_str() {
        "disabled" => Ok(MySqlSslMode::Disabled),
        "verify-ca" => Ok(MySqlSslMode::VerifyCa),
        "verify-identity" => Ok(MySqlSslMode::VerifyIdentity),
        "required" | "preferred" => Err(OpenError::Url(format!(
            "ssl-mode={name} would not check the server's certificate; use verify-identity or verify-ca, with \
             ssl-ca=FILE for an authority of your own"
        ))),
        _ => Err(OpenError::Url(format!(
            "ssl-mode={name} is not known; there are verify-identity, verify-ca and disabled"
        ))),
    }
}

/// Whether the server is on this machine, where nobody listens in between.
fn is_here(server: &MySqlConnectOptions) -> bool {
    let host = server.get_host();
    server.get_socket().is_some()
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<MariaDbOptions, OpenError> {
        MariaDbOptions::from_url(&Url::parse(url).expect("a url"))
    }

    #[test]
    fn a_url_says_where_the_database_is() {
        let cases = [
            ("mysql://pay:p%40ss@db.example:3307/ledger", "ledger at db.example:3307 (user pay)"),
            ("mariadb://127.0.0.1", "paydb at 127.0.0.1:3306 (user root)"),
            ("mysql://pay@[::1]:3307/p", "p at ::1:3307 (user pay)"),
            ("mysql://pay@localhost/p?socket=/run/db.sock", "p at /run/db.sock (user pay)"),
        ];
        for (url, target) in cases {
            assert_eq!(read(url).expect(url).target(), target);
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_plain() {
        let cases = [
            ("mysql://127.0.0.1/p", MySqlSslMode::Disabled),
            ("mysql://[::1]/p", MySqlSslMode::Disabled),
            ("mysql://localhost/p", MySqlSslMode::Disabled),
            ("mysql://db/p?socket=/run/db.sock", MySqlSslMode::Disabled),
            ("mysql://db/p", MySqlSslMode::VerifyIdentity),
            ("mysql://10.0.0.7/p", MySqlSslMode::VerifyIdentity),
            ("mysql://db/p?ssl-mode=VERIFY_CA", MySqlSslMode::VerifyCa),
            ("mysql://127.0.0.1/p?ssl-mode=verify-identity", MySqlSslMode::VerifyIdentity),
            ("mysql://db/p?ssl-mode=disabled", MySqlSslMode::Disabled),
        ];
        for (url, mode) in cases {
            let read = read(url).expect(url).server.get_ssl_mode();
            assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&mode), "{url}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_a_remedy() {
        let cases = [
            ("postgres://db/p", "use mysql://"),
            ("mysql://db/p?ssl-mode=required", "would not check the server's certificate"),
            ("mysql://db/p?ssl-mode=PREFERRED", "would not check the server's certificate"),
            ("mysql://db/p?ssl-mode=maybe", "is not known"),
            ("mysql://db/p?sslmode=disabled", "parameter sslmode is not known"),
            ("mysql://db/p?ssl-ca=no-such-file.pem", "is not a file"),
        ];
        for (url, part) in cases {
            let error = read(url).err().expect(url).to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
