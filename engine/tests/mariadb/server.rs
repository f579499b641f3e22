//! The server the tests use, and a database for each of them. Other tests of MariaDB take this file in as well.

use std::sync::atomic::{AtomicU32, Ordering};

use payment_engine::mariadb::MariaDbOptions;
use reqwest::Url;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// Where the server is, as a URL without a database.
pub(crate) fn server_url() -> Url {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let host = variable("PAYMENT_DB_HOST")
        .expect("PAYMENT_DB_HOST names the MariaDB to test with; see the head of this test");
    let mut url = Url::parse("mysql://localhost").expect("a url");
    url.set_host(Some(&host)).expect("PAYMENT_DB_HOST is a host");
    let port = variable("PAYMENT_DB_PORT").map(|port| port.parse().expect("PAYMENT_DB_PORT is a port"));
    url.set_port(Some(port.unwrap_or(3306))).expect("the url has a host");
    let user = variable("PAYMENT_DB_USER").unwrap_or_else(|| "root".to_owned());
    url.set_username(&user).expect("the url has a host");
    url.set_password(variable("PAYMENT_DB_PASSWORD").as_deref()).expect("the url has a host");
    url
}

/// A database that nobody else uses; gone with this value.
pub(crate) struct TestDatabase {
    pub(crate) name: String,
}

impl TestDatabase {
    /// A name; the database itself is made by whoever opens it.
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("payment_test_{}_{number}", std::process::id()) }
    }

    pub(crate) fn url(&self) -> Url {
        let mut url = server_url();
        url.set_path(&self.name);
        url
    }

    pub(crate) fn options(&self) -> MariaDbOptions {
        MariaDbOptions::from_url(&self.url()).expect("the address is understood")
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect(self.url().as_str()).await.expect("the database is there")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.name.clone();
        // A thread of its own: the test's runtime may be the one that is dropping this.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut connection = MySqlConnection::connect(server_url().as_str()).await?;
                connection.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).await
            })
        });
        if let Ok(Err(error)) = dropped.join() {
            tracing::warn!(database = self.name, %error, "test database not dropped");
        }
    }
}

/// Runs texts of the test's own.
pub(crate) async fn run(connection: &mut MySqlConnection, texts: &str) -> Vec<MySqlRow> {
    let texts = sqlx::raw_sql(AssertSqlSafe(texts.to_owned()));
    connection.fetch_all(texts).await.expect("the server does as it is told")
}
